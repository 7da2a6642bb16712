
static void output(const real *z, real *a)
{
    int k;
    for (k = 0; k < OUTPUTS; ++k) a[k] = exp_of_negative(LARGEST_LOGARITHM < z[k] ? LARGEST_LOGARITHM : z[k]);
}
