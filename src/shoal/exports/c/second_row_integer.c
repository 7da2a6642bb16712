
static const real *second_row(int member, int k, real *decoded)
{
    return decode(second_weights[member][k], second_exponents[member][k], decoded);
}
