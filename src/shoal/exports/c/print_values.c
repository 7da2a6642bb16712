static void put_header(void)
{
    int k;
    for (k = 0; k < ANSWERS; ++k) printf(k ? ",prediction_%d" : "prediction", k);
    putchar('\n');
}

static void put_prediction(const PREFIX_prediction *out)
{
    int k;
    for (k = 0; k < ANSWERS; ++k) printf("%s%.*g", k ? "," : "", DIGITS, out->values[k]);
    putchar('\n');
}
