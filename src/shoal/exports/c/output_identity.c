
static void output(const real *z, real *a)
{
    int k;
    for (k = 0; k < OUTPUTS; ++k) a[k] = z[k];
}
