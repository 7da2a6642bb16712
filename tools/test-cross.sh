#!/bin/sh
# Compiles the kernel for the other systems that wheels are released for, with zig's clang, and runs it on emulated aarch64.
#
# The golden test is compiled and linked, a whole program; of the module, which is linked to a Python that is not here,
# the compiler says whether it compiles, with this Python's headers and nanobind's.
set -eu
python="$1/python"
mkdir -p build/cross
flags=$(cat tests/kernel/flags.txt)
nanobind=$("$python" -c 'import nanobind; print(nanobind.include_dir())')
header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
# Where Python is version 3.11 or later by its stable interface, as in the wheel.
split="-DPy_LIMITED_API=0x030B0000 -DNB_BACKEND_MODULE=nanobind_backend"
compile() { # target, name, more options
    target=$1; name=$2; shift 2
    "$python" -m ziglang c++ -target "$target" $flags "$@" -Ikernel -o "build/cross/golden-$name" tests/kernel/golden.cpp
    for source in bindings processor; do
        "$python" -m ziglang c++ -target "$target" $flags "$@" -DSHOAL_MODULE=_kernel $split -isystem "$nanobind" \
            -isystem "$header" -fsyntax-only "kernel/$source.cpp"
    done
    echo "$name: no warning"
}
# What is not run is compiled with few optimisations, in a fraction of the time.
compile aarch64-linux-musl linux-aarch64 -static
compile aarch64-macos.11.0 macos-arm64 -O1
compile x86_64-macos.11.0 macos-avx2 -O1 -march=x86_64_v3
compile x86_64-macos.11.0 macos-avx512 -O1 -march=x86_64_v4 -mprefer-vector-width=512
compile x86_64-windows-gnu windows-avx2 -O1 -march=x86_64_v3
compile x86_64-windows-gnu windows-avx512 -O1 -march=x86_64_v4 -mprefer-vector-width=512
command -v qemu-aarch64 >/dev/null 2>&1 || { echo "test-cross: no qemu-aarch64 (apt install qemu-user), so nothing was run" >&2; exit 1; }
qemu-aarch64 build/cross/golden-linux-aarch64 > build/cross/golden.txt
diff tests/kernel/golden.txt build/cross/golden.txt
echo "linux-aarch64: the same bits in all $(wc -l < tests/kernel/golden.txt) cases, emulated"
