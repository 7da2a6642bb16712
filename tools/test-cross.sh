#!/bin/sh
# Compiles the kernel for the other systems that wheels are released for, with zig's clang, and runs it on emulated aarch64.
#
# For aarch64 the golden test is linked and run. What is not run is compiled, with few optimisations, and not linked: zig
# builds its C++ library from source before it links for a system, which takes longer than all the rest. (It also does so
# for -fsyntax-only, and then looks for the object that was not made.)
set -eu
python="$1/python"
mkdir -p build/cross
flags=$(cat tests/kernel/flags.txt)
nanobind=$("$python" -c 'import nanobind; print(nanobind.include_dir())')
header=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
# Where Python is version 3.11 or later by its stable interface, as in the wheel.
split="-DPy_LIMITED_API=0x030B0000 -DNB_BACKEND_MODULE=nanobind_backend"
cc() { # target, more options
    target=$1; shift
    "$python" -m ziglang c++ -target "$target" $flags -Ikernel "$@"
}
golden() { # target, name, more options
    target=$1; name=$2; shift 2
    cc "$target" -O1 "$@" -c -o "build/cross/golden-$name.o" tests/kernel/golden.cpp
    echo "$name: the kernel compiles without a warning"
}
module() { # target, name, more options
    target=$1; name=$2; shift 2
    for source in bindings processor; do
        # (Without optimisations zig adds sanitizers, and for Windows an option that is not used then.)
        cc "$target" -O0 -fno-sanitize=all -Wno-unused-command-line-argument "$@" -DSHOAL_MODULE=_kernel -isystem "$nanobind" -isystem "$header" \
            -c -o "build/cross/$source-$name.o" "kernel/$source.cpp"
    done
    echo "$name: the module compiles without a warning"
}
golden aarch64-macos.11.0 macos-arm64
golden x86_64-macos.11.0 macos-avx2 -march=x86_64_v3
golden x86_64-macos.11.0 macos-avx512 -march=x86_64_v4 -mprefer-vector-width=512
golden x86_64-windows-gnu windows-avx2 -march=x86_64_v3
golden x86_64-windows-gnu windows-avx512 -march=x86_64_v4 -mprefer-vector-width=512
# What is around the kernel does not depend on the instruction set.
module aarch64-macos.11.0 macos $split
# Not split, which nanobind does with GNU's and Apple's C++ libraries alone; its headers expect these to bring stdio.h.
module aarch64-linux-musl linux-aarch64 -include stdio.h
# (This Python's headers expect one that Windows does not have.)
mkdir -p build/cross/none/sys
: > build/cross/none/sys/select.h
module x86_64-windows-gnu windows -march=x86_64_v3 -isystem build/cross/none -include stdio.h
cc aarch64-linux-musl -static -o build/cross/golden-linux-aarch64 tests/kernel/golden.cpp
command -v qemu-aarch64 >/dev/null 2>&1 || { echo "test-cross: no qemu-aarch64 (apt install qemu-user), so nothing was run" >&2; exit 1; }
qemu-aarch64 build/cross/golden-linux-aarch64 > build/cross/golden.txt
diff tests/kernel/golden.txt build/cross/golden.txt
echo "linux-aarch64: the same bits in all $(wc -l < tests/kernel/golden.txt) cases, emulated"
