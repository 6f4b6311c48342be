/* ICU for Qt's Core by the system's own: 10 MB less in the bundle.
 *
 * ICU's C functions keep their form over its versions and carry the version in their names (ucol_open_72), so that any
 * version does. Each function here finds its namesake when it's first called; .NET takes the system's ICU in this way too.
 * Without one each fails as ICU's own does, with U_FILE_ACCESS_ERROR where it says how it went, and Qt goes on with what
 * it does for builds without ICU. Argument orders and meanings: https://unicode-org.github.io/icu-docs/apidoc/released/icu4c/
 *
 * VERSION is the one that Qt was linked with. The loader gives this very file to whoever asks for libraries of that
 * version, so the system's ICU of the same version can't be had.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

enum { NEWEST = 120, OLDEST = 60, U_FILE_ACCESS_ERROR = 4 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void *library; /* libicui18n, in which names of the libraries that it's linked with are found too */
static int its_version;

static void look(void) {
    for (its_version = NEWEST; its_version >= OLDEST; its_version--) {
        char name[32];
        snprintf(name, sizeof name, "libicui18n.so.%d", its_version);
        if (its_version != VERSION && (library = dlopen(name, RTLD_LAZY | RTLD_LOCAL)))
            return;
    }
}

static void *found(const char *plain) {
    char name[64];
    pthread_once(&once, look);
    if (!library)
        return NULL;
    snprintf(name, sizeof name, "%s_%d", plain, its_version);
    void *there = dlsym(library, name);
    return there ? there : dlsym(library, plain); /* some build it without the version in its names */
}

/* Two threads may both look a function up: they find the same. */
#define FIND(name)                                              \
    void *there = __atomic_load_n(&known, __ATOMIC_RELAXED);    \
    if (!there) {                                               \
        there = found(#name);                                   \
        __atomic_store_n(&known, there, __ATOMIC_RELAXED);      \
    }

#define JOINED_(name, version) name##_##version
#define JOINED(name, version) JOINED_(name, version)

/* A function with a result, and what it comes back with where there is no ICU. */
#define GIVES(type, none, name, parameters, ...)                           \
    type JOINED(name, VERSION) parameters {                                \
        static void *known;                                                \
        FIND(name)                                                         \
        return there ? ((type (*) parameters)there)(__VA_ARGS__) : (none); \
    }

#define DOES(none, name, parameters, ...)                       \
    void JOINED(name, VERSION) parameters {                     \
        static void *known;                                     \
        FIND(name)                                              \
        if (there)                                              \
            ((void (*) parameters)there)(__VA_ARGS__);          \
        else                                                    \
            none;                                               \
    }

typedef uint16_t Letter;
typedef int8_t Bool;
typedef int Status; /* UErrorCode */

/* Functions that were told of a failure before do nothing and leave it. */
static inline long failed(Status *status) {
    if (*status <= 0)
        *status = U_FILE_ACCESS_ERROR;
    return 0;
}
#define NOTHING (void *)failed(status)

/* Case */
GIVES(int32_t, failed(status), u_strToLower,
      (Letter * to, int32_t room, const Letter *from, int32_t count, const char *locale, Status *status),
      to, room, from, count, locale, status)
GIVES(int32_t, failed(status), u_strToUpper,
      (Letter * to, int32_t room, const Letter *from, int32_t count, const char *locale, Status *status),
      to, room, from, count, locale, status)

/* Sorting */
GIVES(void *, NOTHING, ucol_open, (const char *locale, Status *status), locale, status)
DOES((void)0, ucol_close, (void *collator), collator)
DOES(failed(status), ucol_setAttribute, (void *collator, int which, int value, Status *status),
     collator, which, value, status)
GIVES(int, 0, ucol_strcoll,
      (const void *collator, const Letter *one, int32_t ones, const Letter *other, int32_t others),
      collator, one, ones, other, others)
GIVES(int32_t, 0, ucol_getSortKey,
      (const void *collator, const Letter *text, int32_t count, uint8_t *key, int32_t room),
      collator, text, count, key, room)

/* Time zones */
GIVES(void *, NOTHING, ucal_open, (const Letter *zone, int32_t count, const char *locale, int kind, Status *status),
      zone, count, locale, kind, status)
DOES((void)0, ucal_close, (void *calendar), calendar)
GIVES(int32_t, failed(status), ucal_getCanonicalTimeZoneID,
      (const Letter *zone, int32_t count, Letter *to, int32_t room, Bool *of_the_system, Status *status),
      zone, count, to, room, of_the_system, status)
GIVES(int32_t, failed(status), ucal_getTimeZoneDisplayName,
      (const void *calendar, int kind, const char *locale, Letter *to, int32_t room, Status *status),
      calendar, kind, locale, to, room, status)

/* Encodings */
GIVES(void *, NOTHING, ucnv_open, (const char *name, Status *status), name, status)
DOES((void)0, ucnv_close, (void *converter), converter)
DOES((void)0, ucnv_reset, (void *converter), converter)
GIVES(int32_t, 0, ucnv_countAvailable, (void))
GIVES(const char *, NULL, ucnv_getAvailableName, (int32_t number), number)
GIVES(const char *, NOTHING, ucnv_getName, (const void *converter, Status *status), converter, status)
GIVES(const char *, NOTHING, ucnv_getStandardName, (const char *name, const char *standard, Status *status),
      name, standard, status)
GIVES(int8_t, 1, ucnv_getMaxCharSize, (const void *converter), converter)
GIVES(int32_t, failed(status), ucnv_fromUCountPending, (const void *converter, Status *status), converter, status)
GIVES(int32_t, failed(status), ucnv_toUCountPending, (const void *converter, Status *status), converter, status)
DOES(failed(status), ucnv_fromUnicode,
     (void *converter, char **to, const char *end, const Letter **from, const Letter *last, int32_t *places,
      Bool flush, Status *status),
     converter, to, end, from, last, places, flush, status)
DOES(failed(status), ucnv_toUnicode,
     (void *converter, Letter **to, const Letter *end, const char **from, const char *last, int32_t *places,
      Bool flush, Status *status),
     converter, to, end, from, last, places, flush, status)

/* What happens at letters that an encoding hasn't got. Qt puts functions of its own there. */
typedef void (*Call)(void);
DOES((void)0, ucnv_getFromUCallBack, (const void *converter, Call *call, const void **context),
     converter, call, context)
DOES((void)0, ucnv_getToUCallBack, (const void *converter, Call *call, const void **context), converter, call, context)
DOES(failed(status), ucnv_setFromUCallBack,
     (void *converter, Call call, const void *context, Call *before, const void **its_context, Status *status),
     converter, call, context, before, its_context, status)
DOES(failed(status), ucnv_setToUCallBack,
     (void *converter, Call call, const void *context, Call *before, const void **its_context, Status *status),
     converter, call, context, before, its_context, status)
DOES(failed(status), ucnv_cbFromUWriteUChars,
     (void *state, const Letter **from, const Letter *last, int32_t place, Status *status),
     state, from, last, place, status)
DOES(failed(status), ucnv_cbToUWriteUChars,
     (void *state, const Letter *from, int32_t count, int32_t place, Status *status),
     state, from, count, place, status)
DOES(failed(status), UCNV_FROM_U_CALLBACK_SUBSTITUTE,
     (const void *context, void *state, const Letter *units, int32_t count, int32_t letter, int why, Status *status),
     context, state, units, count, letter, why, status)
DOES(failed(status), UCNV_TO_U_CALLBACK_SUBSTITUTE,
     (const void *context, void *state, const char *units, int32_t count, int why, Status *status),
     context, state, units, count, why, status)
