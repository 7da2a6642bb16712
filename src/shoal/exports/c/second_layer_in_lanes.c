
/* z = W a + b, in LANES sums that are added as a binary tree. */
static void second_layer(int member, const real *a, real *z)
{
    real decoded[UNITS];
    int i, j, k;
    for (k = 0; k < OUTPUTS; ++k) {
        const real *w = second_row(member, k, decoded);
        real lanes[LANES] = {0};
        for (j = 0; j < UNITS; ++j) lanes[j % LANES] = multiply_add(w[j], a[j], lanes[j % LANES]);
        for (; j % LANES; ++j) lanes[j % LANES] = lanes[j % LANES] + 0; /* -0 becomes 0 */
        for (i = LANES / 2; i > 0; i /= 2)
            for (j = 0; j < i; ++j) lanes[j] = lanes[j] + lanes[j + i];
        z[k] = lanes[0] + second_biases[member][k];
    }
}
