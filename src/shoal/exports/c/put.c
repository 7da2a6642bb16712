static void put(const char *before, PREFIX_text text) /* as a field of a CSV file */
{
    size_t i;
    printf("\"%s", before);
    for (i = 0; i < text.length; ++i) {
        if (text.bytes[i] == '"') putchar('"');
        putchar(text.bytes[i]);
    }
    putchar('"');
}

