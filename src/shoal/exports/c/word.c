
/* Negative, 0 or positive, as a comes before b, is b, or comes after it, byte by byte. */
static int compare(PREFIX_text a, PREFIX_text b)
{
    size_t i;
    for (i = 0; i < a.length && i < b.length; ++i)
        if (a.bytes[i] != b.bytes[i]) return (unsigned char)a.bytes[i] < (unsigned char)b.bytes[i] ? -1 : 1;
    return a.length == b.length ? 0 : a.length < b.length ? -1 : 1;
}

typedef struct {
    PREFIX_text text;
    uint16_t code;
} word;

/* The code of a text among `n` words, which are sorted. */
static uint16_t code_of(PREFIX_text text, const word *words, int n, uint16_t unknown, uint16_t missing)
{
    int low = 0, high = n;
    if (!text.bytes) return missing;
    while (low < high) {
        const int middle = low + (high - low) / 2, order = compare(text, words[middle].text);
        if (order == 0) return words[middle].code;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return unknown;
}
