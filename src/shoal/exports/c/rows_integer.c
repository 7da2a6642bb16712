
/* A row of weights: whole numbers times a power of two. The products are exact. */
static const real *decode(const weight *row, int exponent, real *decoded)
{
    const real scale = with_bits((bits_of(0) + (unsigned)((int)EXPONENT_BIAS + exponent)) << MANTISSA_BITS);
    int j;
    for (j = 0; j < UNITS; ++j) decoded[j] = (real)row[j] * scale;
    return decoded;
}

/* Of the first layer those of an input, of the second those of an output. */
static const real *first_row(int member, int i, real *decoded)
{
    return decode(first_weights[member][i], first_exponents[member][i], decoded);
}
