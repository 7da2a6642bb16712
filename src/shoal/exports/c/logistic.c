
/* 1 / (1 + exp(-z)); the quotient is corrected once, as in the kernel. */
static real logistic(real z)
{
    const real e = exp_of_negative(z < 0 ? z : 0 - z);
    const real rough = e / (1 + e);
    const real rest = multiply_add(0 - rough, e, e - rough);
    const real q = multiply_add(rest, 1 - rough, rough);
    return 0 > z ? q : 1 - q;
}
