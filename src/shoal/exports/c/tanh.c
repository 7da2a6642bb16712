
/* Up to artanh 1/2 an odd polynomial; above it 1 - 2 / (exp(2a) + 1). */
static real activation(real x)
{
    const real size = x < 0 ? 0 - x : x;
    const real a = TANH_CEILING < size ? TANH_CEILING : size;
    const real s = a * a;
    const real near_zero = multiply_add(a * s, polynomial(tanh_terms, LENGTH(tanh_terms), s), a);
    const real k_shifted = multiply_add(a, TWICE_LOG2_E, TO_INTEGER);
    const real f = multiply_add(a, TWICE_LOG2_E, TO_INTEGER - k_shifted);
    const real power = multiply_add(power_of_two(k_shifted), polynomial(exp2_terms, LENGTH(exp2_terms), f), 1);
    const real y = ARTANH_HALF > a ? near_zero : 1 - 2 / power;
    return with_bits(bits_of(y) | (bits_of(x) & SIGN_BIT));
}
