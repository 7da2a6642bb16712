
/* --- some rows with their predictions ---------------------------------------------------- */

@golden@
static int same(ANSWER a, ANSWER b) /* to the bit */
{
    const unsigned char *x = (const unsigned char *)&a, *y = (const unsigned char *)&b;
    size_t i;
    for (i = 0; i < sizeof a; ++i)
        if (x[i] != y[i]) return 0;
    return 1;
}

int PREFIX_selftest(void)
{
    int i, k, different = 0;
    for (i = 0; i < LENGTH_OF_GOLDEN; ++i) {
        PREFIX_prediction found;
        int differs = PREFIX_predict(&golden_rows[i], &found);
        for (k = 0; k < ANSWERS && !differs; ++k) differs = !same(found.ANSWER_FIELD[k], golden_answers[i][k]);
        different += differs != 0;
    }
    return different;
}
