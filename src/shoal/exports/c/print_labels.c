static void put_header(void)
{
    int k;
    for (k = 0; k < ANSWERS; ++k) {
        if (k) putchar(',');
        put("probability of ", PREFIX_classes[k]);
    }
    putchar('\n');
}

static void put_prediction(const PREFIX_prediction *out)
{
    int k;
    for (k = 0; k < ANSWERS; ++k) printf("%s%.*g", k ? "," : "", DIGITS, (double)out->probabilities[k]);
    putchar('\n');
}
