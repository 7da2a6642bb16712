
/* z = W a + b, unit by unit. */
static void second_layer(int member, const real *a, real *z)
{
    int j, k;
    for (k = 0; k < OUTPUTS; ++k) {
        real sum = second_biases[member][k];
        for (j = 0; j < UNITS; ++j) sum = multiply_add(second_weights[member][k][j], a[j], sum);
        z[k] = sum;
    }
}
