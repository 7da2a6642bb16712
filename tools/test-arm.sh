#!/bin/sh
# Builds the kernel's golden test for aarch64 and runs it under an emulator.
# Debian and Ubuntu: apt install g++-aarch64-linux-gnu qemu-user
set -eu
for tool in aarch64-linux-gnu-g++ qemu-aarch64; do
    command -v $tool >/dev/null 2>&1 || { echo "test-arm: no $tool (apt install g++-aarch64-linux-gnu qemu-user)" >&2; exit 1; }
done
mkdir -p build
aarch64-linux-gnu-g++ -static -march=armv8-a $(cat tests/kernel/flags.txt) -Ikernel -o build/golden-arm tests/kernel/golden.cpp
qemu-aarch64 build/golden-arm > build/golden-arm.txt
diff tests/kernel/golden.txt build/golden-arm.txt
echo "aarch64: the same bits in all $(wc -l < tests/kernel/golden.txt) cases"
