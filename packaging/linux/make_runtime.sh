#!/bin/sh
# Builds the runtime of an AppImage of type 2: make_runtime.sh TYPE2_RUNTIME SQUASHFUSE OUTPUT
#
# TYPE2_RUNTIME and SQUASHFUSE are unpacked sources: https://github.com/AppImage/type2-runtime and
# https://github.com/vasi/squashfuse, 0.5.2, the version that the former names. The rest comes from Debian or Ubuntu:
# gcc binutils make autoconf automake libtool pkg-config libfuse3-dev libzstd-dev zlib1g-dev.
#
# For machines that can't have the AppImage project's own build. It differs in two things: glibc instead of musl and
# mimalloc, and libfuse as Debian has it, which finds fusermount3 on the PATH only.
set -eu

source=$(cd "${1:?the source of type2-runtime}/src/runtime" && pwd)
squashfuse=$(cd "${2:?the source of squashfuse}" && pwd)
output=${3:?the file to write}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp -R "$squashfuse/." "$work/squashfuse"
(
    cd "$work/squashfuse"
    [ -x configure ] || ./autogen.sh
    CFLAGS="-ffunction-sections -fdata-sections -Os" \
        ./configure --disable-shared --enable-static --without-xz --without-lzo --without-lz4 LDFLAGS=-static
    make libsquashfuse.la libsquashfuse_ll.la
) >&2

mkdir -p "$work/include/squashfuse"
cp "$work/squashfuse"/*.h "$work/include/squashfuse"
cc -std=gnu99 -Os -D_FILE_OFFSET_BITS=64 -DGIT_COMMIT="\"$(cat "$source/version")\"" -T "$source/data_sections.ld" \
    -ffunction-sections -fdata-sections -Wl,--gc-sections -static-pie -w \
    -I"$work/include" -I"$work/include/squashfuse" -I/usr/include/fuse3 "$source/runtime.c" \
    -L"$work/squashfuse/.libs" -lsquashfuse_ll -lsquashfuse -lfuse3 -lzstd -lz -lpthread -ldl -o "$work/runtime" >&2
strip --strip-debug --strip-unneeded "$work/runtime"
# The ELF header's padding says that it's an AppImage of type 2: strip would take it away, so it comes last.
printf 'AI\002' | dd of="$work/runtime" bs=1 count=3 seek=8 conv=notrunc 2>/dev/null
cp "$work/runtime" "$output"
