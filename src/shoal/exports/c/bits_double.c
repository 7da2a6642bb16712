
static uint64_t bits_of(real x)
{
    union { real number; uint64_t bits; } both;
    both.number = x;
    return both.bits;
}

static real with_bits(uint64_t bits)
{
    union { real number; uint64_t bits; } both;
    both.bits = bits;
    return both.number;
}
