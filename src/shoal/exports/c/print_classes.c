static void put_header(void)
{
    int k;
    fputs("prediction", stdout);
    for (k = 0; k < ANSWERS; ++k) putchar(','), put("probability of ", PREFIX_classes[k]);
    putchar('\n');
}

static void put_prediction(const PREFIX_prediction *out)
{
    int k;
    put("", PREFIX_classes[out->class_index]);
    for (k = 0; k < ANSWERS; ++k) printf(",%.*g", DIGITS, (double)out->probabilities[k]);
    putchar('\n');
}
