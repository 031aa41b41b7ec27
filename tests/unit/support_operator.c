/* SPDX-License-Identifier: GPL-3.0-or-later
   support_operator.c -- every operator in double, by plain loops. */
#include "support_operator.h"

#include <math.h>
#include <string.h>
#include "graph/operator.h"
#include "support_convolution.h"

typedef const reference_run *run;

static int64_t last(shape s)
{
    return s.dim[s.rank - 1];
}

static int64_t at4(shape s, int64_t n, int64_t h, int64_t w, int64_t c)
{
    return ((n * s.dim[1] + h) * s.dim[2] + w) * s.dim[3] + c;
}

/* x at a pixel, 0 outside of the image. */
static double pixel(run r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    shape s = r->in[0];
    bool inside = h >= 0 && h < s.dim[1] && w >= 0 && w < s.dim[2];
    return inside ? r->x[0][at4(s, n, h, w, c)] : 0;
}

/* Calls each for every output element of rank 4. */
static void each_output(run r,
                        double (*of)(run r, int64_t n, int64_t h, int64_t w, int64_t c))
{
    const int64_t *d = r->out.dim;
    for (int64_t n = 0; n < d[0]; n++)
        for (int64_t h = 0; h < d[1]; h++)
            for (int64_t w = 0; w < d[2]; w++)
                for (int64_t c = 0; c < d[3]; c++)
                    r->y[at4(r->out, n, h, w, c)] = of(r, n, h, w, c);
}

static double conv2d_value(run r, int64_t n, int64_t h, int64_t w, int64_t o)
{
    const attributes *a = &r->node->attr;
    int64_t in = last(r->in[0]) / a->groups, out = a->channels / a->groups;
    double sum = r->parameters[ROLE_BIAS] ? r->parameters[ROLE_BIAS][o] : 0;
    for (int64_t i = 0; i < a->kernel[1]; i++)
        for (int64_t j = 0; j < a->kernel[2]; j++)
            for (int64_t c = 0; c < in; c++)
                sum +=
                    r->parameters[ROLE_WEIGHT]
                                 [((o * a->kernel[1] + i) * a->kernel[2] + j) * in + c] *
                    pixel(r, n, h * a->stride[1] - a->padding[1] + i * a->dilation[1],
                          w * a->stride[2] - a->padding[2] + j * a->dilation[2],
                          o / out * in + c);
    return sum;
}

static void conv2d(run r)
{
    each_output(r, conv2d_value);
}

static void linear(run r)
{
    int64_t in = last(r->in[0]), out = last(r->out), rows = shape_count(r->out) / out;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t o = 0; o < out; o++) {
            double sum = r->parameters[ROLE_BIAS] ? r->parameters[ROLE_BIAS][o] : 0;
            for (int64_t k = 0; k < in; k++)
                sum += r->parameters[ROLE_WEIGHT][o * in + k] * r->x[0][i * in + k];
            r->y[i * out + o] = sum;
        }
}

static void batch_norm(run r)
{
    int64_t channels = last(r->in[0]), rows = shape_count(r->in[0]) / channels;
    for (int64_t c = 0; c < channels; c++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < rows; i++)
            mean += r->x[0][i * channels + c] / (double)rows;
        for (int64_t i = 0; i < rows; i++)
            variance += pow(r->x[0][i * channels + c] - mean, 2) / (double)rows;
        if (!r->training) {
            mean = r->parameters[ROLE_RUNNING_MEAN][c];
            variance = r->parameters[ROLE_RUNNING_VARIANCE][c];
        }
        double scale =
            r->parameters[ROLE_SCALE][c] / sqrt(variance + r->node->attr.epsilon);
        for (int64_t i = 0; i < rows; i++)
            r->y[i * channels + c] =
                (r->x[0][i * channels + c] - mean) * scale + r->parameters[ROLE_SHIFT][c];
    }
}

/* Of the elements of one sample whose channel is in one group; layer_norm: of one row. */
static void group_norm(run r)
{
    const bool rows = strcmp(r->node->op->name, "layer_norm") == 0;
    const int64_t channels = last(r->in[0]), groups = rows ? 1 : r->node->attr.groups;
    const int64_t count = shape_count(r->in[0]);
    const int64_t sample = rows ? channels : count / r->in[0].dim[0];
    for (int64_t part = 0; part < count / sample * groups; part++) {
        double sum[3] = {0}, mean = 0;
        for (int pass = 0; pass < 3; pass++)
            for (int64_t i = part / groups * sample; i < (part / groups + 1) * sample;
                 i++) {
                int64_t c = i % channels;
                if (c * groups / channels != part % groups)
                    continue;
                sum[0] += pass == 0 ? 1 : 0;
                sum[1] += pass == 0 ? r->x[0][i] : 0;
                mean = sum[1] / sum[0];
                sum[2] += pass == 1 ? pow(r->x[0][i] - mean, 2) : 0;
                r->y[i] = (r->x[0][i] - mean) /
                              sqrt(sum[2] / sum[0] + r->node->attr.epsilon) *
                              r->parameters[ROLE_SCALE][c] +
                          r->parameters[ROLE_SHIFT][c];
            }
    }
}

static double relu(double x, double slope)
{
    (void)slope;
    return x > 0 ? x : 0;
}

static double leaky_relu(double x, double slope)
{
    return x > 0 ? x : slope * x;
}

static double relu6(double x, double slope)
{
    (void)slope;
    return fmin(fmax(x, 0), 6);
}

static double hyperbolic_tangent(double x, double slope)
{
    (void)slope;
    return tanh(x);
}

static double sigmoid(double x, double slope)
{
    (void)slope;
    return 1 / (1 + exp(-x));
}

static double gelu(double x, double slope)
{
    (void)slope;
    return x * 0.5 * erfc(-x / sqrt(2));
}

static double hard_sigmoid(double x, double slope)
{
    (void)slope;
    return fmin(fmax(x / 6 + 0.5, 0), 1);
}

static double hard_swish(double x, double slope)
{
    return x * hard_sigmoid(x, slope);
}

static void each_element(run r, double (*f)(double x, double slope))
{
    for (int64_t i = 0; i < shape_count(r->out); i++)
        r->y[i] = f(r->x[0][i], r->node->attr.slope);
}

static void run_relu(run r)
{
    each_element(r, relu);
}

static void run_leaky_relu(run r)
{
    each_element(r, leaky_relu);
}

static void run_relu6(run r)
{
    each_element(r, relu6);
}

static void run_tanh(run r)
{
    each_element(r, hyperbolic_tangent);
}

static void run_sigmoid(run r)
{
    each_element(r, sigmoid);
}

static void run_gelu(run r)
{
    each_element(r, gelu);
}

static void run_hard_swish(run r)
{
    each_element(r, hard_swish);
}

static void run_hard_sigmoid(run r)
{
    each_element(r, hard_sigmoid);
}

static double max_value(run r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    const attributes *a = &r->node->attr;
    double best = -INFINITY;
    for (int64_t i = 0; i < a->kernel[1]; i++)
        for (int64_t j = 0; j < a->kernel[2]; j++) {
            int64_t y = h * a->stride[1] - a->padding[1] + i;
            int64_t x = w * a->stride[2] - a->padding[2] + j;
            if (y >= 0 && y < r->in[0].dim[1] && x >= 0 && x < r->in[0].dim[2])
                best = fmax(best, pixel(r, n, y, x, c));
        }
    return best;
}

static void max_pool2d(run r)
{
    each_output(r, max_value);
}

static double mean_value(run r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    const attributes *a = &r->node->attr;
    double sum = 0;
    for (int64_t i = 0; i < a->kernel[1]; i++)
        for (int64_t j = 0; j < a->kernel[2]; j++)
            sum += pixel(r, n, h * a->stride[1] - a->padding[1] + i,
                         w * a->stride[2] - a->padding[2] + j, c);
    return sum / (double)(a->kernel[1] * a->kernel[2]);
}

static void avg_pool2d(run r)
{
    each_output(r, mean_value);
}

static double global_value(run r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    double sum = 0;
    (void)h;
    (void)w;
    for (int64_t i = 0; i < r->in[0].dim[1]; i++)
        for (int64_t j = 0; j < r->in[0].dim[2]; j++)
            sum += pixel(r, n, i, j, c);
    return sum / (double)(r->in[0].dim[1] * r->in[0].dim[2]);
}

static void global_avg_pool2d(run r)
{
    each_output(r, global_value);
}

/* Where place I of OUT falls on an axis of IN. */
static double place_of(run r, int64_t i, int64_t in, int64_t out)
{
    if (r->node->attr.align_corners)
        return out > 1 ? (double)i * (double)(in - 1) / (double)(out - 1) : 0;
    double place = ((double)i + 0.5) * (double)in / (double)out - 0.5;
    return place < 0 ? 0 : place > (double)(in - 1) ? (double)(in - 1) : place;
}

/* The tent function makes linear interpolation: each pixel counts 1 - its distance. */
static double bilinear_value(run r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    double y = place_of(r, h, r->in[0].dim[1], r->out.dim[1]);
    double x = place_of(r, w, r->in[0].dim[2], r->out.dim[2]);
    double sum = 0;
    for (int64_t i = 0; i < r->in[0].dim[1]; i++)
        for (int64_t j = 0; j < r->in[0].dim[2]; j++)
            sum += fmax(0, 1 - fabs(y - (double)i)) * fmax(0, 1 - fabs(x - (double)j)) *
                   pixel(r, n, i, j, c);
    return sum;
}

static void resize_bilinear(run r)
{
    each_output(r, bilinear_value);
}

static double nearest_value(run r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    return pixel(r, n, h * r->in[0].dim[1] / r->out.dim[1],
                 w * r->in[0].dim[2] / r->out.dim[2], c);
}

static void resize_nearest(run r)
{
    each_output(r, nearest_value);
}

static int64_t half_down(int64_t d)
{
    return (int64_t)floor((double)d / 2);
}

static double pad_value(run r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    return pixel(r, n, h - half_down(r->out.dim[1] - r->in[0].dim[1]),
                 w - half_down(r->out.dim[2] - r->in[0].dim[2]), c);
}

static void pad_or_crop(run r)
{
    each_output(r, pad_value);
}

static void concat(run r)
{
    int64_t total = last(r->out), rows = shape_count(r->out) / total, first = 0;
    for (int i = 0; i < r->node->input_count; first += last(r->in[i]), i++)
        for (int64_t row = 0; row < rows; row++)
            for (int64_t c = 0; c < last(r->in[i]); c++)
                r->y[row * total + first + c] = r->x[i][row * last(r->in[i]) + c];
}

/* Element I of the output's shape in input K, which may be one pixel for all. */
static double paired(run r, int k, int64_t i)
{
    if (shape_equal(r->in[k], r->out))
        return r->x[k][i];
    int64_t channels = last(r->out), image = shape_count(r->out) / r->out.dim[0];
    return r->x[k][i / image * channels + i % channels];
}

static void add(run r)
{
    for (int64_t i = 0; i < shape_count(r->out); i++)
        r->y[i] = paired(r, 0, i) + paired(r, 1, i);
}

static void multiply(run r)
{
    for (int64_t i = 0; i < shape_count(r->out); i++)
        r->y[i] = paired(r, 0, i) * paired(r, 1, i);
}

static void flatten(run r)
{
    int64_t channels = last(r->in[0]), n = r->in[0].dim[0];
    int64_t pixels = shape_count(r->in[0]) / (n * channels);
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t c = 0; c < channels; c++)
                r->y[(i * channels + c) * pixels + p] =
                    r->x[0][(i * pixels + p) * channels + c];
}

static void unflatten(run r)
{
    int64_t channels = last(r->out), n = r->out.dim[0];
    int64_t pixels = shape_count(r->out) / (n * channels);
    for (int64_t i = 0; i < shape_count(r->out); i++) {
        int64_t sample = i / channels / pixels, pixel = i / channels % pixels;
        r->y[i] = r->x[0][(sample * channels + i % channels) * pixels + pixel];
    }
}

static void slice(run r)
{
    int64_t total = last(r->in[0]), count = last(r->out);
    for (int64_t i = 0; i < shape_count(r->out); i++)
        r->y[i] = r->x[0][i / count * total + r->node->attr.first + i % count];
}

static double shuffled_value(run r, int64_t n, int64_t h, int64_t w, int64_t c)
{
    int64_t f = r->node->attr.factor;
    return pixel(r, n, h / f, w / f, c * f * f + h % f * f + w % f);
}

static void pixel_shuffle(run r)
{
    each_output(r, shuffled_value);
}

static void dropout(run r)
{
    for (int64_t i = 0; i < shape_count(r->out); i++)
        r->y[i] = !r->training ? r->x[0][i]
                  : r->mask[i] ? r->x[0][i] / (1 - r->node->attr.probability)
                               : 0;
}

static void softmax(run r)
{
    int64_t columns = last(r->out), rows = shape_count(r->out) / columns;
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;
        for (int64_t c = 0; c < columns; c++)
            sum += exp(r->x[0][i * columns + c]);
        for (int64_t c = 0; c < columns; c++)
            r->y[i * columns + c] = exp(r->x[0][i * columns + c]) / sum;
    }
}

static void log_softmax(run r)
{
    softmax(r);
    for (int64_t i = 0; i < shape_count(r->out); i++)
        r->y[i] = log(r->y[i]);
}

/* Shapes. */

static void same_shape(const node *n, const shape *in, shape *out)
{
    (void)n;
    *out = in[0];
}

static void window_shape(const node *n, const shape *in, shape *out)
{
    const attributes *a = &n->attr;
    bool conv = strcmp(n->op->name, "conv2d") == 0;
    *out = in[0];
    for (int i = 1; i < 3; i++) {
        int64_t span = conv ? a->dilation[i] * (a->kernel[i] - 1) + 1 : a->kernel[i];
        out->dim[i] = (in[0].dim[i] + 2 * a->padding[i] - span) / a->stride[i] + 1;
    }
    if (conv)
        out->dim[3] = a->channels;
}

static void linear_shape(const node *n, const shape *in, shape *out)
{
    *out = in[0];
    out->dim[out->rank - 1] = n->attr.channels;
}

static void one_pixel(const node *n, const shape *in, shape *out)
{
    (void)n;
    *out = in[0];
    out->dim[1] = out->dim[2] = 1;
}

static void sized(const node *n, const shape *in, shape *out)
{
    *out = in[0];
    for (int i = 1; i < 3; i++)
        out->dim[i] = n->input_count == 2 ? in[1].dim[i]
                      : n->attr.factor    ? in[0].dim[i] * n->attr.factor
                                          : n->attr.size[i];
}

static void joined(const node *n, const shape *in, shape *out)
{
    *out = in[0];
    for (int i = 1; i < n->input_count; i++)
        out->dim[out->rank - 1] += last(in[i]);
}

static void larger(const node *n, const shape *in, shape *out)
{
    (void)n;
    *out = shape_count(in[0]) >= shape_count(in[1]) ? in[0] : in[1];
}

static void flat(const node *n, const shape *in, shape *out)
{
    (void)n;
    *out = shape_of(2, in[0].dim[0], shape_count(in[0]) / in[0].dim[0]);
}

static void unflat(const node *n, const shape *in, shape *out)
{
    const attributes *a = &n->attr;
    *out = a->size[0] ? shape_of(5, in[0].dim[0], a->size[0], a->size[1], a->size[2],
                                 a->channels)
                      : shape_of(4, in[0].dim[0], a->size[1], a->size[2], a->channels);
}

static void shuffled(const node *n, const shape *in, shape *out)
{
    int64_t f = n->attr.factor;
    *out = shape_of(4, in[0].dim[0], in[0].dim[1] * f, in[0].dim[2] * f,
                    in[0].dim[3] / f / f);
}

static const struct row {
    const char *name;
    void (*shape)(const node *n, const shape *in, shape *out);
    void (*forward)(run r);
} rows[] = {
    {"conv2d", window_shape, conv2d},
    {"conv3d", reference_convolution_shape, reference_convolution},
    {"conv_transpose2d", reference_convolution_shape, reference_transposed},
    {"conv_transpose3d", reference_convolution_shape, reference_transposed},
    {"linear", linear_shape, linear},
    {"batch_norm", same_shape, batch_norm},
    {"group_norm", same_shape, group_norm},
    {"layer_norm", same_shape, group_norm},
    {"relu", same_shape, run_relu},
    {"relu6", same_shape, run_relu6},
    {"tanh", same_shape, run_tanh},
    {"leaky_relu", same_shape, run_leaky_relu},
    {"sigmoid", same_shape, run_sigmoid},
    {"gelu", same_shape, run_gelu},
    {"hard_swish", same_shape, run_hard_swish},
    {"hard_sigmoid", same_shape, run_hard_sigmoid},
    {"max_pool2d", window_shape, max_pool2d},
    {"avg_pool2d", window_shape, avg_pool2d},
    {"global_avg_pool2d", one_pixel, global_avg_pool2d},
    {"resize_bilinear", sized, resize_bilinear},
    {"resize_nearest", sized, resize_nearest},
    {"pad_or_crop", sized, pad_or_crop},
    {"concat", joined, concat},
    {"add", larger, add},
    {"multiply", larger, multiply},
    {"flatten", flat, flatten},
    {"unflatten", unflat, unflatten},
    {"slice", linear_shape, slice},
    {"pixel_shuffle", shuffled, pixel_shuffle},
    {"dropout", same_shape, dropout},
    {"softmax", same_shape, softmax},
    {"log_softmax", same_shape, log_softmax},
};

static const struct row *row_of(const node *n)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, n->op->name) == 0)
            return &rows[i];
    return NULL;
}

bool reference_shape(const node *n, const shape *in, shape *out)
{
    const struct row *row = row_of(n);
    if (row)
        row->shape(n, in, out);
    return row != NULL;
}

void reference_forward(const reference_run *r)
{
    row_of(r->node)->forward(r);
}
