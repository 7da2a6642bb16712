
/* --- a b + c, rounded once ------------------------------------------------------------ */

#if defined(__FP_FAST_FMA) || defined(__FMA__) || defined(__aarch64__) || (defined(__ARM_FEATURE_FMA) && __ARM_FP & 8)
#define multiply_add(a, b, c) __builtin_fma(a, b, c)
#else
/* Without hardware for it: in integers of 64 bits, two of them for a sum. */

#define EXPONENT(bits) ((int)((bits) >> 52 & 0x7ff))
#define INFINITE UINT64_C(0x7ff0000000000000)
#define SIGN UINT64_C(0x8000000000000000)

typedef struct {
    uint64_t high, low; /* of a whole number of 128 bits */
    int exponent;       /* the value is that number times 2 to this */
} wide;

/* m of 2^52 <= m < 2^53 and its exponent; the number is finite and not 0. */
static uint64_t fraction_of(uint64_t bits, int *exponent)
{
    uint64_t m = bits & UINT64_C(0xfffffffffffff);
    *exponent = EXPONENT(bits) - 1075;
    if (EXPONENT(bits)) return m | UINT64_C(0x10000000000000);
    for (++*exponent; !(m >> 52); --*exponent) m <<= 1;
    return m;
}

static wide shifted_left(wide x, int by) /* 0 < by < 64 */
{
    x.high = x.high << by | x.low >> (64 - by);
    x.low <<= by;
    x.exponent -= by;
    return x;
}

/* Divided by 2 to `by`; the lowest bit says whether anything was lost. */
static wide shifted_right(wide x, int by)
{
    x.exponent += by;
    for (; by >= 64 && (x.high | x.low); by -= 64) {
        x.low = x.high | (x.low != 0);
        x.high = 0;
    }
    if (by > 0 && by < 64) {
        const uint64_t lost = x.low << (64 - by);
        x.low = x.high << (64 - by) | x.low >> by | (lost != 0);
        x.high >>= by;
    }
    return x;
}

/* The product of two significands, from halves of 32 bits. */
static wide product_of(uint64_t a, uint64_t b, int exponent)
{
    const uint64_t a1 = a >> 32, a0 = a & 0xffffffffu, b1 = b >> 32, b0 = b & 0xffffffffu;
    const uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (middle & 0xffffffffu);
    wide product;
    product.high = a1 * b1 + (middle >> 32) + (other >> 32);
    product.low = other << 32 | (low & 0xffffffffu);
    product.exponent = exponent;
    return product;
}

static wide sum_of(wide a, wide b)
{
    a.low += b.low;
    a.high += b.high + (a.low < b.low);
    return a;
}

static int less(wide a, wide b) { return a.high != b.high ? a.high < b.high : a.low < b.low; }

static wide difference_of(wide a, wide b)
{
    const int borrowed = a.low < b.low;
    a.low -= b.low;
    a.high -= b.high + (uint64_t)borrowed;
    return a;
}

/* Rounded to nearest, ties to even; x is not 0. */
static double rounded(wide x, uint64_t sign)
{
    uint64_t m, rest, quotient;
    int biased, dropped = 11;
    if (!x.high) x.high = x.low, x.low = 0, x.exponent -= 64;
    while (!(x.high >> 63)) x = shifted_left(x, 1);
    m = x.high | (x.low != 0);
    biased = x.exponent + 64 + 63 + 1023;
    if (biased >= 2047) return with_bits(sign | INFINITE);
    if (biased < 1) { /* below the normal numbers */
        dropped += 1 - biased;
        biased = 1;
    }
    if (dropped > 64) return with_bits(sign);
    if (dropped == 64) m = m >> 1 | (m & 1), dropped = 63;
    rest = m << (64 - dropped);
    quotient = m >> dropped;
    quotient += rest > SIGN || (rest == SIGN && (quotient & 1));
    return with_bits(sign | (((uint64_t)(biased - 1) << 52) + quotient));
}

static double multiply_add(double a, double b, double c)
{
    const uint64_t A = bits_of(a), B = bits_of(b), C = bits_of(c), sign = (A ^ B) & SIGN;
    int ea, eb, ec;
    uint64_t ma, mb;
    wide product, other = {0, 0, 0};
    if (EXPONENT(A) == 0x7ff || EXPONENT(B) == 0x7ff || a == 0 || b == 0) return a * b + c; /* is exact */
    if (EXPONENT(C) == 0x7ff) return c;
    ma = fraction_of(A, &ea);
    mb = fraction_of(B, &eb);
    product = shifted_left(product_of(ma, mb, ea + eb), 20);
    if (c == 0) return rounded(product, sign);
    other.high = fraction_of(C, &ec) << 9;
    other.exponent = ec - 73;
    if (product.exponent < other.exponent)
        product = shifted_right(product, other.exponent - product.exponent);
    else
        other = shifted_right(other, product.exponent - other.exponent);
    if (sign == (C & SIGN)) return rounded(sum_of(product, other), sign);
    if (less(product, other)) return rounded(difference_of(other, product), C & SIGN);
    product = difference_of(product, other);
    return product.high | product.low ? rounded(product, sign) : 0.0;
}
#endif
