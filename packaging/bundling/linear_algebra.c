/* Stands in for OpenBLAS in the bundle's NumPy: 25 MB that the app asks for products of small matrices and one inverse.
 *
 * All of BLAS that NumPy's wheels import (cblas with 64-bit integers), and of LAPACK the solution of linear systems
 * (?gesv, ?getrf) and Cholesky's factors (?potrf). What isn't here says so the way LAPACK does, with INFO > 0 after the
 * work, and NumPy raises its LinAlgError: no call comes back with a wrong result. Argument orders and meanings are
 * those of the reference BLAS and LAPACK (netlib.org). Products are summed in the type of their values, as OpenBLAS does.
 *
 * The file includes itself once for each of the four types.
 */
#ifndef TYPE

#include <complex.h>
#include <math.h>
#include <stdint.h>

typedef int64_t Int;

enum { ROW_MAJOR = 101, NO_TRANS = 111, CONJ_TRANS = 113, UPPER = 121 };

#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define CBLAS(name) JOIN(scipy_cblas_, LETTER, JOIN(name, 64_, ))
#define LAPACK(name) JOIN(scipy_, LETTER, JOIN(name, _64_, ))
#define LOCAL(name) JOIN(LETTER, _, name)

/* Vectors with a negative step begin at their far end. */
static Int first(Int count, Int step) { return step < 0 ? (1 - count) * step : 0; }

#define TYPE float
#define REAL float
#define LETTER s
#define BY_VALUE
#include __FILE__
#undef TYPE
#undef REAL
#undef LETTER

#define TYPE double
#define REAL double
#define LETTER d
#include __FILE__
#undef TYPE
#undef REAL
#undef LETTER
#undef BY_VALUE

#define TYPE float complex
#define REAL float
#define LETTER c
#include __FILE__
#undef TYPE
#undef REAL
#undef LETTER

#define TYPE double complex
#define REAL double
#define LETTER z
#include __FILE__

/* What the app doesn't ask for. A first call with LWORK = -1 asks for sizes: it's answered, so that the second comes. */
#define REFUSED(name, arguments, query, sizes)                                                                         \
    void scipy_##name##_64_ arguments                                                                                  \
    {                                                                                                                  \
        if (query == -1) {                                                                                             \
            sizes;                                                                                                     \
            *info = 0;                                                                                                 \
        } else {                                                                                                       \
            *info = 1;                                                                                                 \
        }                                                                                                              \
    }
#define P const void *
#define REFUSED_FOR(letter, type, real)                                                                                \
    REFUSED(letter##geev, (P a, P b, P c, P d, P e, P f, P g, P h, P i, P j, P k, type *work, Int *lwork, Int *info),  \
            *lwork, work[0] = 1)                                                                                       \
    REFUSED(letter##gesdd, (P a, P b, P c, P d, P e, P f, P g, P h, P i, P j, type *work, Int *lwork, P m, Int *info), \
            *lwork, work[0] = 1)                                                                                       \
    REFUSED(letter##gelsd, (P a, P b, P c, P d, P e, P f, P g, P h, P i, P j, type *work, Int *lwork, Int *iwork, Int *info), \
            *lwork, (work[0] = 1, iwork[0] = 1))
#define REFUSED_FOR_COMPLEX(letter, type, real)                                                                        \
    REFUSED(letter##geev, (P a, P b, P c, P d, P e, P f, P g, P h, P i, P j, type *work, Int *lwork, P m, Int *info),  \
            *lwork, work[0] = 1)                                                                                       \
    REFUSED(letter##gesdd, (P a, P b, P c, P d, P e, P f, P g, P h, P i, P j, type *work, Int *lwork, P m, P n, Int *info), \
            *lwork, work[0] = 1)                                                                                       \
    REFUSED(letter##gelsd, (P a, P b, P c, P d, P e, P f, P g, P h, P i, P j, type *work, Int *lwork, real *rwork, Int *iwork, Int *info), \
            *lwork, (work[0] = 1, rwork[0] = 1, iwork[0] = 1))                                                         \
    REFUSED(letter##heevd, (P a, P b, P c, P d, P e, P f, type *work, Int *lwork, real *rwork, P m, Int *iwork, P n, Int *info), \
            *lwork, (work[0] = 1, rwork[0] = 1, iwork[0] = 1))
#define REFUSED_EIGH(letter, type)                                                                                     \
    REFUSED(letter##syevd, (P a, P b, P c, P d, P e, P f, type *work, Int *lwork, Int *iwork, P m, Int *info), *lwork, \
            (work[0] = 1, iwork[0] = 1))
#define REFUSED_QR(letter, generator, type)                                                                            \
    REFUSED(letter##geqrf, (P a, P b, P c, P d, P e, type *work, Int *lwork, Int *info), *lwork, work[0] = 1)          \
    REFUSED(letter##generator, (P a, P b, P c, P d, P e, P f, type *work, Int *lwork, Int *info), *lwork, work[0] = 1)

REFUSED_FOR(s, float, float)
REFUSED_FOR(d, double, double)
REFUSED_FOR_COMPLEX(c, float complex, float)
REFUSED_FOR_COMPLEX(z, double complex, double)
REFUSED_EIGH(s, float)
REFUSED_EIGH(d, double)
REFUSED_QR(d, orgqr, double)
REFUSED_QR(z, ungqr, double complex)

#else /* once for each type -------------------------------------------------------------------------------------- */

#ifdef BY_VALUE
#define SCALAR TYPE
#define VALUE(x) (x)
#define CONJ(x) (x)
#else
#define SCALAR const TYPE *
#define VALUE(x) (*(x))
#define CONJ(x) ((TYPE)conj(x))
#endif

/* C[i * c_row + j] = alpha * sum over k of A[i * a_row + k * a_col] * B[k * b_row + j * b_col] + beta * C[...] */
static void LOCAL(product)(Int rows, Int cols, Int inner, TYPE alpha, const TYPE *a, Int a_row, Int a_col, int a_conj,
                           const TYPE *b, Int b_row, Int b_col, int b_conj, TYPE beta, TYPE *c, Int c_row)
{
    for (Int i = 0; i < rows; i++) {
        TYPE *restrict out = c + i * c_row;
        for (Int j = 0; j < cols; j++)
            out[j] = beta == 0 ? 0 : beta * out[j];
        for (Int k = 0; k < inner; k++) {
            const TYPE *restrict line = b + k * b_row;
            TYPE factor = a[i * a_row + k * a_col];
            factor = alpha * (a_conj ? CONJ(factor) : factor);
            if (b_conj)
                for (Int j = 0; j < cols; j++)
                    out[j] += factor * CONJ(line[j * b_col]);
            else if (b_col == 1)
                for (Int j = 0; j < cols; j++)
                    out[j] += factor * line[j];
            else
                for (Int j = 0; j < cols; j++)
                    out[j] += factor * line[j * b_col];
        }
    }
}

void CBLAS(gemm)(int order, int trans_a, int trans_b, Int m, Int n, Int k, SCALAR alpha, const void *a, Int lda,
                 const void *b, Int ldb, SCALAR beta, void *c, Int ldc)
{
    if (order != ROW_MAJOR) { /* by columns, C = AB is what C' = B'A' is by rows */
        const void *other = a;
        int trans = trans_a;
        Int size = m, step = lda;
        a = b, b = other, trans_a = trans_b, trans_b = trans, m = n, n = size, lda = ldb, ldb = step;
    }
    int a_plain = trans_a == NO_TRANS, b_plain = trans_b == NO_TRANS;
    LOCAL(product)(m, n, k, VALUE(alpha), a, a_plain ? lda : 1, a_plain ? 1 : lda, trans_a == CONJ_TRANS, b,
                   b_plain ? ldb : 1, b_plain ? 1 : ldb, trans_b == CONJ_TRANS, VALUE(beta), c, ldc);
}

void CBLAS(syrk)(int order, int uplo, int trans, Int n, Int k, SCALAR alpha, const void *a, Int lda, SCALAR beta,
                 void *c, Int ldc)
{
    /* By columns the upper half is what is the lower one by rows, and A is turned. */
    int by_rows = order == ROW_MAJOR, upper = (uplo == UPPER) == by_rows, plain = (trans == NO_TRANS) == by_rows;
    Int row = plain ? lda : 1, col = plain ? 1 : lda;
    const TYPE *from = a;
    for (Int i = 0; i < n; i++) {
        Int start = upper ? i : 0, count = upper ? n - i : i + 1;
        LOCAL(product)(1, count, k, VALUE(alpha), from + i * row, row, col, 0, from + start * row, col, row, 0,
                       VALUE(beta), (TYPE *)c + i * ldc + start, ldc);
    }
}

static TYPE LOCAL(dot)(Int n, const TYPE *x, Int step_x, const TYPE *y, Int step_y, int conjugated)
{
    TYPE sum = 0;
    x += first(n, step_x), y += first(n, step_y);
    if (conjugated)
        for (Int i = 0; i < n; i++)
            sum += CONJ(x[i * step_x]) * y[i * step_y];
    else if (step_x == 1 && step_y == 1)
        for (Int i = 0; i < n; i++)
            sum += x[i] * y[i];
    else
        for (Int i = 0; i < n; i++)
            sum += x[i * step_x] * y[i * step_y];
    return sum;
}

#ifdef BY_VALUE
TYPE CBLAS(dot)(Int n, const void *x, Int step_x, const void *y, Int step_y)
{
    return LOCAL(dot)(n, x, step_x, y, step_y, 0);
}
#else
void CBLAS(dotu_sub)(Int n, const void *x, Int step_x, const void *y, Int step_y, void *sum)
{
    *(TYPE *)sum = LOCAL(dot)(n, x, step_x, y, step_y, 0);
}

void CBLAS(dotc_sub)(Int n, const void *x, Int step_x, const void *y, Int step_y, void *sum)
{
    *(TYPE *)sum = LOCAL(dot)(n, x, step_x, y, step_y, 1);
}
#endif

void CBLAS(axpy)(Int n, SCALAR alpha, const void *x, Int step_x, void *y, Int step_y)
{
    const TYPE *from = (const TYPE *)x + first(n, step_x);
    TYPE *to = (TYPE *)y + first(n, step_y);
    for (Int i = 0; i < n; i++)
        to[i * step_y] += VALUE(alpha) * from[i * step_x];
}

void CBLAS(gemv)(int order, int trans, Int m, Int n, SCALAR alpha, const void *a, Int lda, const void *x, Int step_x,
                 SCALAR beta, void *y, Int step_y)
{
    int plain = trans == NO_TRANS, by_rows = order == ROW_MAJOR, conjugated = trans == CONJ_TRANS;
    Int rows = plain ? m : n, cols = plain ? n : m, row = plain == by_rows ? lda : 1, col = plain == by_rows ? 1 : lda;
    const TYPE *from = (const TYPE *)x + first(cols, step_x);
    TYPE *to = (TYPE *)y + first(rows, step_y);
    for (Int i = 0; i < rows; i++) {
        TYPE sum = LOCAL(dot)(cols, (const TYPE *)a + i * row, col, from, step_x, conjugated);
        to[i * step_y] = VALUE(alpha) * sum + (VALUE(beta) == 0 ? 0 : VALUE(beta) * to[i * step_y]);
    }
}

void LAPACK(copy)(const Int *n, const TYPE *x, const Int *step_x, TYPE *y, const Int *step_y)
{
    x += first(*n, *step_x), y += first(*n, *step_y);
    for (Int i = 0; i < *n; i++)
        y[i * *step_y] = x[i * *step_x];
}

/* How large a number is for choosing a pivot: |re| + |im|, as LAPACK's I?AMAX has it. */
static REAL LOCAL(size)(TYPE x) { return (REAL)(fabs(creal(x)) + fabs(cimag(x))); }

/* A = PLU by columns, with the largest pivot of each column; PIVOTS are rows counted from 1. */
void LAPACK(getrf)(const Int *m, const Int *n, TYPE *a, const Int *lda, Int *pivots, Int *info)
{
    Int rows = *m, cols = *n, step = *lda, least = rows < cols ? rows : cols;
    *info = 0;
    for (Int k = 0; k < least; k++) {
        TYPE *column = a + k * step;
        Int best = k;
        for (Int i = k + 1; i < rows; i++)
            if (LOCAL(size)(column[i]) > LOCAL(size)(column[best]))
                best = i;
        pivots[k] = best + 1;
        if (column[best] == 0) {
            if (*info == 0)
                *info = k + 1;
            continue;
        }
        for (Int j = 0; best != k && j < cols; j++) {
            TYPE held = a[j * step + k];
            a[j * step + k] = a[j * step + best], a[j * step + best] = held;
        }
        for (Int i = k + 1; i < rows; i++)
            column[i] /= column[k];
        for (Int j = k + 1; j < cols; j++)
            for (Int i = k + 1; i < rows; i++)
                a[j * step + i] -= column[i] * a[j * step + k];
    }
}

void LAPACK(gesv)(const Int *size, const Int *count, TYPE *a, const Int *lda, Int *pivots, TYPE *b, const Int *ldb,
                  Int *info)
{
    Int n = *size, step = *lda;
    LAPACK(getrf)(size, size, a, lda, pivots, info);
    for (Int j = 0; *info == 0 && j < *count; j++) {
        TYPE *x = b + j * *ldb;
        for (Int i = 0; i < n; i++) {
            TYPE held = x[i];
            x[i] = x[pivots[i] - 1], x[pivots[i] - 1] = held;
        }
        for (Int k = 0; k < n; k++)
            for (Int i = k + 1; i < n; i++)
                x[i] -= a[k * step + i] * x[k];
        for (Int k = n - 1; k >= 0; k--) {
            x[k] /= a[k * step + k];
            for (Int i = 0; i < k; i++)
                x[i] -= a[k * step + i] * x[k];
        }
    }
}

/* A = LL' (or U'U) in the half that UPLO names. */
void LAPACK(potrf)(const char *uplo, const Int *n, TYPE *a, const Int *lda, Int *info)
{
    int upper = *uplo == 'U' || *uplo == 'u';
    Int row = upper ? *lda : 1, col = upper ? 1 : *lda; /* of L: that of U', each number's conjugate */
    *info = 0;
    for (Int k = 0; k < *n; k++) {
        REAL left = (REAL)creal(a[k * row + k * col]);
        for (Int j = 0; j < k; j++) {
            TYPE x = a[k * row + j * col];
            left -= (REAL)(creal(x) * creal(x) + cimag(x) * cimag(x));
        }
        if (!(left > 0)) {
            *info = k + 1;
            return;
        }
        left = (REAL)sqrt(left);
        a[k * row + k * col] = left;
        for (Int i = k + 1; i < *n; i++) {
            TYPE sum = a[i * row + k * col];
            for (Int j = 0; j < k; j++)
                sum -= a[i * row + j * col] * CONJ(a[k * row + j * col]);
            a[i * row + k * col] = sum / left;
        }
    }
}

#undef SCALAR
#undef VALUE
#undef CONJ
#endif
