
/* z = W a + b, unit by unit. */
static void second_layer(int member, const real *a, real *z)
{
    real decoded[UNITS];
    int j, k;
    for (k = 0; k < OUTPUTS; ++k) {
        const real *w = second_row(member, k, decoded);
        real sum = second_biases[member][k];
        for (j = 0; j < UNITS; ++j) sum = multiply_add(w[j], a[j], sum);
        z[k] = sum;
    }
}
