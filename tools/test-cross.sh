#!/bin/sh
# Compiles the kernel for the other systems that wheels are released for, with zig's clang, and runs it on emulated aarch64.
#
# Both are compiled: the module (with this Python's headers and nanobind's), which is not linked as the other
# system's Python is not here; and the golden test, a whole program.
set -eu
BIN=$1
python="$BIN/python"
mkdir -p build/cross
flags=$(cat tests/kernel/flags.txt)
nanobind=$("$python" -c 'import nanobind; print(nanobind.include_dir())')
header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
compile() { # target, name, options of the processor
    target=$1; name=$2; shift 2
    threads=-pthread
    "$python" -m ziglang c++ -target "$target" "$@" $flags -Ikernel -o "build/cross/golden-$name" tests/kernel/golden.cpp
    "$python" -m ziglang c++ -target "$target" "$@" $flags -DSHOAL_MODULE=_kernel -isystem "$nanobind" -isystem "$header" \
        -c -o "build/cross/bindings-$name.o" kernel/bindings.cpp
    "$python" -m ziglang c++ -target "$target" $flags -isystem "$nanobind" -isystem "$header" \
        -c -o "build/cross/processor-$name.o" kernel/processor.cpp
    echo "$name: compiled without a warning"
}
compile aarch64-linux-musl linux-aarch64 -static
compile aarch64-macos.11.0 macos-arm64
compile x86_64-macos.11.0 macos-avx2 -march=x86_64_v3
compile x86_64-macos.11.0 macos-avx512 -march=x86_64_v4 -mprefer-vector-width=512
compile x86_64-windows-gnu windows-avx2 -march=x86_64_v3
compile x86_64-windows-gnu windows-avx512 -march=x86_64_v4 -mprefer-vector-width=512
if command -v qemu-aarch64 >/dev/null 2>&1; then
    qemu-aarch64 build/cross/golden-linux-aarch64 > build/cross/golden.txt
    diff tests/kernel/golden.txt build/cross/golden.txt
    echo "linux-aarch64: the same bits in all $(wc -l < tests/kernel/golden.txt) cases, emulated"
else
    echo "test-cross: no qemu-aarch64 (apt install qemu-user), so nothing was run" >&2; exit 1
fi
