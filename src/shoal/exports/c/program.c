
/* --- a program: CSV with a header on standard input, predictions on standard output ------- */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { A_NUMBER, A_BOOLEAN, A_TIME, A_TEXT, A_VERBATIM }; /* in the last "NA" is a category */

@columns@
#define LONGEST_RECORD (1 << 20)
#define MOST_FIELDS (1 << 14)
static char record[LONGEST_RECORD];
static PREFIX_text fields[MOST_FIELDS];

static PREFIX_text trimmed(PREFIX_text field)
{
    while (field.length && (*field.bytes == ' ' || *field.bytes == '\t')) ++field.bytes, --field.length;
    while (field.length && (field.bytes[field.length - 1] == ' ' || field.bytes[field.length - 1] == '\t')) --field.length;
    return field;
}

/* The next record, cut into fields; how many, 0 at the end, or -1 when it is too long. */
static int next_record(FILE *file)
{
    size_t used = 0, start = 0;
    int n = 0, quoted = 0, bare = 1, c, any = 0;
    for (;;) {
        c = getc(file);
        if (c == EOF && !any) return 0;
        any = 1;
        if (used + 2 >= LONGEST_RECORD || n + 1 >= MOST_FIELDS) return -1;
        if (c == '"') {
            if (!quoted && used == start) {
                quoted = 1, bare = 0;
                continue;
            }
            if (quoted) {
                c = getc(file);
                if (c != '"') { /* the quotes are closed */
                    quoted = 0;
                    if (c != EOF) ungetc(c, file);
                    continue;
                }
            }
        }
        if (c == EOF || (!quoted && (c == ',' || c == '\n'))) {
            if (c != ',' && used > start && record[used - 1] == '\r') --used;
            fields[n].bytes = record + start;
            fields[n].length = used - start;
            if (bare) fields[n] = trimmed(fields[n]);
            record[used++] = 0;
            start = used, bare = 1;
            ++n;
            if (c != ',') return n;
            continue;
        }
        record[used++] = (char)c;
    }
}

static int is_missing(PREFIX_text field)
{
    static const char *const words[] = {"", "NA", "N/A", "nan", "NaN", "null", "NULL", "None", "?", "\\N"};
    size_t i;
    for (i = 0; i < sizeof words / sizeof words[0]; ++i)
        if (strlen(words[i]) == field.length && !memcmp(words[i], field.bytes, field.length)) return 1;
    return 0;
}

/* Whether the field is this word, which has small letters, in any letters. */
static int is_word(PREFIX_text field, const char *word)
{
    size_t i;
    for (i = 0; i < field.length && word[i] && (field.bytes[i] | 32) == word[i]; ++i) {
    }
    return i == field.length && !word[i];
}

/* The whole number of exactly `digits` digits at `text`; -1 if there are others. */
static int digits_at(const char *text, int digits)
{
    int value = 0;
    for (; digits > 0; --digits, ++text) {
        if (*text < '0' || *text > '9') return -1;
        value = value * 10 + (*text - '0');
    }
    return value;
}

/* hh:mm, hh:mm:ss or with a fraction: in seconds. False when it is something else. */
static int time_of_day(const char *text, const char **end, double *seconds)
{
    const int hour_of_day = digits_at(text, 2), minute = hour_of_day < 0 || text[2] != ':' ? -1 : digits_at(text + 3, 2);
    if (minute < 0) return 0;
    if (hour_of_day > 23 || minute > 59) return 0;
    text += 5;
    *seconds = hour_of_day * 3600.0 + minute * 60.0;
    if (*text == ':' && digits_at(text + 1, 2) >= 0) {
        long microseconds = 0, unit = 100000;
        if (digits_at(text + 1, 2) > 59) return 0;
        *seconds += digits_at(text + 1, 2);
        text += 3;
        if (*text == '.')
            for (++text; *text >= '0' && *text <= '9'; ++text, unit /= 10) microseconds += unit * (*text - '0');
        *seconds = (*seconds * 1e6 + (double)microseconds) / 1e6;
    }
    *end = text;
    return 1;
}

static int is_day(int year, int month_of_year, int day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month_of_year < 1 || month_of_year > 12) return 0;
    return day >= 1 && day <= lengths[month_of_year - 1] + (month_of_year == 2 && leap);
}

/* A date, a date with a time, or a time of the day: in seconds. False when it is something else. */
static int as_seconds(const char *text, double *seconds)
{
    const int year = digits_at(text, 4), month_of_year = year < 0 || text[4] != '-' ? -1 : digits_at(text + 5, 2);
    const int day = month_of_year < 0 || text[7] != '-' ? -1 : digits_at(text + 8, 2);
    const char *end = text;
    double of_day = 0, days;
    long y, m;
    if (day < 0) return time_of_day(text, &end, seconds) && !*end;
    if (!is_day(year, month_of_year, day)) return 0;
    y = month_of_year > 2 ? year : year - 1L;
    m = (month_of_year + 9) % 12;
    days = (double)(365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468);
    end = text + 10;
    if ((*end == 'T' || *end == ' ') && !time_of_day(end + 1, &end, &of_day)) return 0;
    if (*end == 'Z') ++end;
    *seconds = (days * 86400e6 + of_day * 1e6) / 1e6;
    return !*end;
}

/* False when the field is not what the column expects. */
static int take(PREFIX_row *row, size_t offset, int kind, PREFIX_text field)
{
    char *end, *at = (char *)row + offset;
    double value = PREFIX_MISSING;
    const PREFIX_text inner = trimmed(field);
    if (kind == A_TEXT || kind == A_VERBATIM) {
        if (kind == A_TEXT ? is_missing(inner) : !inner.length) field.bytes = 0;
        memcpy(at, &field, sizeof field);
        return 1;
    }
    if (!is_missing(inner)) {
        if (kind == A_BOOLEAN && is_word(inner, "true"))
            value = 1;
        else if (kind == A_BOOLEAN && is_word(inner, "false"))
            value = 0;
        else if (kind != A_TIME || !as_seconds(inner.bytes, &value)) {
            value = strtod(inner.bytes, &end);
            if (end != inner.bytes + inner.length || memchr(inner.bytes, 'x', inner.length) || memchr(inner.bytes, 'X', inner.length))
                return 0; /* strtod takes 0x10 for 16 */
        }
    }
    memcpy(at, &value, sizeof value);
    return 1;
}

static int fail(unsigned long number, const char *what, PREFIX_text column)
{
    fprintf(stderr, "row %lu: %s", number, what);
    if (column.bytes) {
        fputs(": ", stderr);
        fwrite(column.bytes, 1, column.length, stderr);
    }
    fputc('\n', stderr);
    return 1;
}

@printing@
int main(int n_arguments, char **arguments)
{
    static int places[COLUMNS + 1];
    static PREFIX_row row;
    const PREFIX_text nothing = {0, 0};
    PREFIX_prediction out;
    unsigned long number = 0;
    int i, j, n;
    if (n_arguments > 1 && !strcmp(arguments[1], "--selftest")) {
#ifdef PREFIX_NO_SELFTEST
        return fail(0, "the self-test was left out", nothing);
#else
        const int different = PREFIX_selftest();
        printf("%d of %d rows differ\n", different, LENGTH_OF_GOLDEN);
        return different != 0;
#endif
    }
    n = next_record(stdin);
    if (n <= 0) return fail(0, "expected a header and rows of CSV on standard input", nothing);
    if (fields[0].length >= 3 && !memcmp(fields[0].bytes, "\357\273\277", 3)) fields[0].bytes += 3, fields[0].length -= 3;
    for (i = 0; i < COLUMNS; ++i) {
        for (j = 0; j < n && (fields[j].length != columns[i].name.length || memcmp(fields[j].bytes, columns[i].name.bytes, fields[j].length)); ++j) {
        }
        if (j == n) return fail(0, "there is no such column", columns[i].name);
        places[i] = j;
    }
    put_header();
    while ((n = next_record(stdin)) != 0) {
        ++number;
        if (n < 0) return fail(number, "the record is too long", nothing);
        if (n == 1 && !fields[0].length && COLUMNS > 1) continue;
        for (i = 0; i < COLUMNS; ++i) {
            if (places[i] >= n) return fail(number, "there is no value for the column", columns[i].name);
            if (!take(&row, columns[i].offset, columns[i].kind, fields[places[i]]))
                return fail(number, "the value cannot be read, column", columns[i].name);
        }
        i = PREFIX_predict(&row, &out);
        if (i > 0) return fail(number, "the value is infinite or too far from those of the training, column", columns[i - 1].name);
        if (i < 0) return fail(number, "the network's output is not finite", nothing);
        put_prediction(&out);
    }
    return 0;
}
