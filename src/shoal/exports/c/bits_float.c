
static uint32_t bits_of(real x)
{
    union { real number; uint32_t bits; } both;
    both.number = x;
    return both.bits;
}

static real with_bits(uint32_t bits)
{
    union { real number; uint32_t bits; } both;
    both.bits = bits;
    return both.number;
}
