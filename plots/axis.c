/* SPDX-License-Identifier: GPL-3.0-or-later
   axis.c -- ranges, ticks and the numbers beside them, linear and logarithmic.  The ticks
   are worked out here and not by gnuplot, so that a small panel has few and a short
   logarithmic axis still has some. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plots/style.h"

/* An exponent or multiplier that is spelt out: "×10⁻⁴". */
static void add_power(char *buffer, size_t size, int exponent)
{
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴",
                                         "⁵", "⁶", "⁷", "⁸", "⁹"};
    char digits[16];
    snprintf(digits, sizeof digits, "%d", exponent);
    size_t used = strlen(buffer);
    snprintf(buffer + used, size - used, "10");
    for (const char *p = digits; *p; p++) {
        used = strlen(buffer);
        snprintf(buffer + used, size - used, "%s", *p == '-' ? "⁻" : raised[*p - '0']);
    }
}

/* VALUE with DECIMALS places and a true minus sign. */
static void put_decimal(char *buffer, size_t size, double value, int decimals)
{
    snprintf(buffer, size, "%s%.*f", value < 0 ? "−" : "", decimals, fabs(value));
}

char *style_number(char buffer[48], double value, int digits)
{
    enum { SIZE = 48 };
    if (value == 0 || !isfinite(value)) {
        snprintf(buffer, SIZE, "%g", value);
        return buffer;
    }
    /* Rounding may carry into the next power of ten: printf knows. */
    char plain[SIZE];
    snprintf(plain, sizeof plain, "%.*e", digits - 1, fabs(value));
    char *power = strchr(plain, 'e');
    int exponent = atoi(power + 1);
    *power = '\0';
    double mantissa = strtod(plain, NULL);
    if (exponent >= -3 && exponent < 5) {
        int decimals = digits - 1 - exponent;
        put_decimal(buffer, SIZE, value, decimals > 0 ? decimals : 0);
        return buffer;
    }
    put_decimal(buffer, SIZE, value < 0 ? -mantissa : mantissa, digits - 1);
    size_t used = strlen(buffer);
    snprintf(buffer + used, SIZE - used, "×");
    add_power(buffer, SIZE, exponent);
    return buffer;
}

/* Ticks of one axis.  They are gathered as gnuplot's list of 'label' position level. */
typedef struct ticks {
    figure_call *call;
    const style_axis *axis;
    int count;
} ticks;

static void add_tick(ticks *t, double position, const char *label)
{
    const style_axis *a = t->axis;
    double slack = 1e-9 * (a->high - a->low);
    if (position < a->low - slack || position > a->high + slack)
        return;
    if (a->integer && a->logarithmic && position < 1 - 1e-9)
        return;
    if (a->last > 0 && position > a->last + slack)
        return;
    text_add(t->call->script, t->count++ ? ", " : "");
    figure_string(t->call, label && !a->bare ? label : "", 0);
    text_addf(t->call->script, " %.9g%s", position, label ? "" : " 1");
}

static const double mantissas[] = {1, 2, 5};

/* Millimetres of a number with its gap to the next. */
static double number_space(const style_axis *a, double step)
{
    if (a->letter == 'y')
        return 6;
    double largest = fmax(fabs(a->low), fabs(a->high));
    double whole = fmax(1, floor(log10(fmax(largest, 1))) + 1);
    double decimals = fmax(0, -floor(log10(step) + 1e-9));
    bool negative = a->low < 0;
    return 3 + 1.5 * (whole + decimals + (decimals > 0) + negative);
}

static int count_steps(const style_axis *a, double step)
{
    double first = ceil(a->low / step - 1e-9), last = floor(a->high / step + 1e-9);
    return (int)(last - first) + 1;
}

/* The smallest of 1, 2, 5 times a power of ten whose numbers have room, but two numbers
   at least. */
static double choose_step(const style_axis *a)
{
    double range = a->high - a->low, before = 0;
    int exponent = (int)floor(log10(range)) - 3;
    for (int k = 0; k < 15; k++) {
        double step = mantissas[k % 3] * pow(10, exponent + k / 3);
        if (a->integer && step < 1)
            continue;
        double space = step / range * a->length_mm;
        if (before > 0 && count_steps(a, step) < 2)
            return before;
        double most = a->letter == 'y' ? 7 : 10;
        if (space >= number_space(a, step) && space >= a->length_mm / most)
            return step;
        before = step;
    }
    return before;
}

/* Large steps count in thousands, millions, ..., in the next unit where the axis, which ends
   at TOP, would have a thousand of them ("1.2 M"); very small ones have a power of ten. */
static void put_linear_label(char *label, size_t size, double value, double step,
                             double top)
{
    static const struct {
        double size;
        const char *sign;
    } units[] = {{1e12, " T"}, {1e9, " G"}, {1e6, " M"}, {1e3, " k"}, {1, ""}};
    int unit = 0, decimals = (int)-floor(log10(step) + 1e-9);
    while (unit < 4 && step < units[unit].size * (1 - 1e-9))
        unit++;
    if (unit > 0 && unit < 4 && top >= 1000 * units[unit].size) {
        unit--;
        decimals = (int)-floor(log10(step / units[unit].size) + 1e-9);
    }
    if (fabs(value) < step / 2) {
        snprintf(label, size, "0");
    } else if (decimals > 4 || decimals < -14) {
        /* As many digits as tell two steps apart. */
        int digits = 1 + (int)floor(log10(fabs(value) * (1 + 1e-9))) + decimals;
        style_number(label, value, digits < 1 ? 1 : digits);
    } else {
        put_decimal(label, size, value / units[unit].size, decimals > 0 ? decimals : 0);
        size_t used = strlen(label);
        snprintf(label + used, size - used, "%s", units[unit].sign);
    }
}

static void add_linear(ticks *t)
{
    const style_axis *a = t->axis;
    double step = choose_step(a);
    double first = ceil(a->low / step - 1e-9), last = floor(a->high / step + 1e-9);
    bool two = fabs(step / pow(10, floor(log10(step) + 1e-9)) - 2) < 0.1;
    int parts = !two ? 5 : a->integer ? 2 : 4;
    bool minor = t->call->medium != MEDIUM_TEXT && a->length_mm > 30 &&
                 !(a->integer && step / parts < 1);
    for (double i = first - 1; i <= last; i++) {
        char label[48];
        put_linear_label(label, sizeof label, i * step, step, last * step);
        add_tick(t, i * step, label);
        for (int k = 1; minor && k < parts; k++)
            add_tick(t, (i + (double)k / parts) * step, NULL);
    }
}

static void add_symmetric(ticks *t)
{
    double reach = 0.8 * t->axis->high, unit = pow(10, floor(log10(reach)));
    double place = floor(reach / unit + 1e-9) * unit;
    char label[48];
    style_number(label, -place, 1);
    /* The numbers left and right of 0 leave it room, or it has none. */
    double space = place / (2 * t->axis->high) * t->axis->length_mm;
    add_tick(t, 0, space > 0.8 * text_columns(label) + 1.6 ? "0" : "");
    add_tick(t, -place, label);
    style_number(label, place, 1);
    add_tick(t, place, label);
}

/* Powers from 0.01 to 1000 are plain numbers where all of the axis lies there. */
static void put_power_label(char *label, size_t size, const style_axis *a, int multiple,
                            int exponent)
{
    label[0] = '\0';
    if (a->low > 0.0099 && a->high < 1001) {
        put_decimal(label, size, multiple * pow(10, exponent),
                    exponent < 0 ? -exponent : 0);
        return;
    }
    if (exponent == 0 || exponent == 1) {
        snprintf(label, size, "%d%s", multiple, exponent ? "0" : "");
        return;
    }
    if (multiple > 1)
        snprintf(label, size, "%d×", multiple);
    add_power(label, size, exponent);
}

static int count_multiples(const style_axis *a, const int *multiples, int count)
{
    int found = 0;
    int first = (int)floor(log10(a->low)), last = (int)ceil(log10(a->high));
    for (int exponent = first; exponent <= last; exponent++)
        for (int k = 0; k < count; k++) {
            double place = multiples[k] * pow(10, exponent);
            found += place >= a->low * (1 - 1e-9) && place <= a->high * (1 + 1e-9);
        }
    return found;
}

/* Numbers at powers of ten, every so many where there are too many; on a short axis at
   their multiples too. */
static void add_logarithmic(ticks *t)
{
    static const int multiples[] = {1, 2, 5, 3, 4, 6, 7, 8, 9};
    const style_axis *a = t->axis;
    int labelled = 1, first = (int)floor(log10(a->low)), last = (int)ceil(log10(a->high));
    double room = a->letter == 'y' ? 5 : 12;
    int most = (int)fmax(2, a->length_mm / room);
    if (count_multiples(a, multiples, 1) < 3 && count_multiples(a, multiples, 3) <= most)
        labelled = count_multiples(a, multiples, 3) < 2 ? 9 : 3;
    int powers = count_multiples(a, multiples, 1);
    int every = labelled == 1 ? (powers + most - 1) / most : 1;
    bool minor = t->call->medium != MEDIUM_TEXT && powers <= 8 && every == 1;
    for (int exponent = first; exponent <= last; exponent++) {
        for (int k = 0; k < 9; k++) {
            char label[48];
            put_power_label(label, sizeof label, a, multiples[k], exponent);
            bool number = k < labelled && (exponent % every == 0);
            if (number || minor || (k == 0 && t->call->medium != MEDIUM_TEXT))
                add_tick(t, multiples[k] * pow(10, exponent), number ? label : NULL);
        }
    }
}

void style_axis_set(figure_call *c, const style_axis *a)
{
    static const int multiples[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    ticks t = {.call = c, .axis = a};
    text_addf(c->script, "%s logscale %c\n", a->logarithmic ? "set" : "unset", a->letter);
    text_addf(c->script, "set %crange [%.9g:%.9g] noextend\n", a->letter, a->low,
              a->high);
    text_addf(c->script, "set %ctics (", a->letter);
    if (a->logarithmic && count_multiples(a, multiples, 9) > 1)
        add_logarithmic(&t);
    else if (a->symmetric)
        add_symmetric(&t);
    else
        add_linear(&t);
    bool tight = a->letter == 'x' && a->length_mm < 16;
    text_addf(c->script, ") font ',%d'\n", STYLE_SMALL_POINTS - 2 * tight);
    text_addf(c->script, "unset %clabel\n", a->letter);
    if (!a->label)
        return;
    if (c->medium == MEDIUM_TEXT && a->letter == 'y') { /* characters do not turn */
        text_add(c->script, "set label ");
        figure_string(c, a->label, 0);
        text_add(c->script, " at graph 0,1 offset character 0,1 left\n");
        return;
    }
    /* Some of the margins is free for words that are longer than their axis. */
    int points = STYLE_POINTS;
    double more = a->letter == 'y' ? 6 : a->length_mm < 40 ? 5 : 12;
    int columns = style_fit(c, a->label, a->length_mm + more, &points);
    text_addf(c->script, "set %clabel ", a->letter);
    figure_string(c, a->label, columns);
    text_addf(c->script, " font ',%d' offset 0,%g\n", points, a->closer);
}

int64_t style_name_step(int64_t count, double length, int *points)
{
    /* Type is 0.35 mm a point, and needs a fifth more. */
    const double least = 4, fitting = length / (double)count / (0.35 * 1.2);
    *points = (int)fmax(least, fmin(STYLE_SMALL_POINTS, fitting));
    return fitting < least ? (int64_t)ceil(least / fitting) : 1;
}

void style_names(figure_call *c, const char *const *names, int64_t count, int columns,
                 double height)
{
    int points = STYLE_SMALL_POINTS;
    int64_t every = 1;
    if (c->medium != MEDIUM_TEXT)
        every = style_name_step(count, height, &points);
    text_addf(c->script, "unset logscale y\nset yrange [%.1f:-0.5] noextend\n",
              (double)count - 0.5);
    text_add(c->script, "set ytics (");
    for (int64_t i = 0; i < count; i++) {
        text_add(c->script, i > 0 ? ", " : "");
        figure_string(c, names && i % every == 0 ? names[i] : "", columns);
        text_addf(c->script, " %lld", (long long)i);
    }
    text_addf(c->script, ") scale 0 font ',%d'\nunset ylabel\n", points);
}

void style_widen(double *low, double *high, double share, bool logarithmic)
{
    double from = logarithmic ? log(*low) : *low, to = logarithmic ? log(*high) : *high;
    double more = share * (to - from);
    if (!(to - from > 1e-12 * fmax(fabs(from), fabs(to))))
        more = logarithmic || from == 0 ? 1 : 0.5 * fabs(from);
    *low = logarithmic ? exp(from - more) : from - more;
    *high = logarithmic ? exp(to + more) : to + more;
}

bool style_wants_log(double low, double high)
{
    return low > 0 && high / low >= 8;
}
