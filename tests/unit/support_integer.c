/* SPDX-License-Identifier: GPL-3.0-or-later
   support_integer.c -- the written integer arithmetic, once more: slowly, in int64 and
   double, sharing no code with the kernels. */
#include "support_integer.h"

#include "support.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "support_operator.h"

operation support_integer_operation(const plan *p, const graph *g, const node *n)
{
    operation op = {.node = n, .out = plan_value_shape(p, n->output)};
    op.out_value = &g->values[n->output];
    for (int k = 0; k < n->input_count; k++) {
        op.in[k] = plan_value_shape(p, n->inputs[k]);
        op.x[k] = plan_value(p, n->inputs[k]);
        op.in_value[k] = &g->values[n->inputs[k]];
    }
    for (int role = 0; role < ROLE_COUNT; role++)
        op.parameters[role] = graph_parameter(g, n, (parameter_role)role);
    return op;
}

static float scale_of(const value *v)
{
    return v->quantizer->scale[0];
}

static int32_t zero_of(const value *v)
{
    return v->quantizer->zero_point[0];
}

static int8_t clamp_code(double code, const value *out)
{
    double low = -ldexp(1, out->quantizer->bits - 1);
    return (int8_t)fmin(fmax(code, low), -low - 1);
}

/* clamp(rne(product) + Z) of one float product. */
static int8_t code_of(float product, const value *out)
{
    return clamp_code(rint((double)product) + zero_of(out), out);
}

static int8_t code_of_sum(int64_t sum, double ratio, const value *out)
{
    volatile float factor = (float)ratio;
    volatile float product = (float)sum * factor;
    return code_of(product, out);
}

static int64_t at4(shape s, int64_t n, int64_t y, int64_t x, int64_t c)
{
    return ((n * s.dim[1] + y) * s.dim[2] + x) * s.dim[3] + c;
}

static bool inside(shape s, int64_t y, int64_t x)
{
    return y >= 0 && y < s.dim[1] && x >= 0 && x < s.dim[2];
}

#define FOR_EACH_OUTPUT(s)                                                               \
    for (int64_t n = 0; n < (s).dim[0]; n++)                                             \
        for (int64_t y = 0; y < (s).dim[1]; y++)                                         \
            for (int64_t x = 0; x < (s).dim[2]; x++)                                     \
                for (int64_t c = 0; c < (s).dim[3]; c++)

static int8_t input_at(const operation *op, int k, int64_t at)
{
    return ((const int8_t *)op->x[k])[at];
}

static double ratio_of(const operation *op, int k)
{
    return (double)scale_of(op->in_value[k]) / (double)scale_of(op->out_value);
}

static void conv_reference(const operation *op, int8_t *wanted)
{
    const attributes *a = &op->node->attr;
    const shape in = op->in[0], out = op->out;
    const parameter *weight = op->parameters[ROLE_WEIGHT],
                    *bias = op->parameters[ROLE_BIAS];
    const int8_t *w = tensor_data(weight->codes);
    const quantizer *q = weight->quantizer;
    int64_t depth = in.dim[3] / a->groups, per_group = out.dim[3] / a->groups;
    FOR_EACH_OUTPUT(out)
    {
        int64_t scale = q->channels == 1 ? 0 : c, zero = zero_of(op->in_value[0]);
        int64_t sum = bias ? ((const int32_t *)tensor_data(bias->codes))[c] : 0;
        for (int64_t ky = 0; ky < a->kernel[1]; ky++)
            for (int64_t kx = 0; kx < a->kernel[2]; kx++)
                for (int64_t i = 0; i < depth; i++) {
                    int64_t iy = y * a->stride[1] - a->padding[1] + ky * a->dilation[1];
                    int64_t ix = x * a->stride[2] - a->padding[2] + kx * a->dilation[2];
                    int64_t at =
                        ((c * a->kernel[1] + ky) * a->kernel[2] + kx) * depth + i;
                    int64_t ic = c / per_group * depth + i;
                    int64_t code = inside(in, iy, ix)
                                       ? input_at(op, 0, at4(in, n, iy, ix, ic))
                                       : zero;
                    sum += (w[at] - q->zero_point[scale]) * (code - zero);
                }
        double ratio = (double)scale_of(op->in_value[0]) * (double)q->scale[scale] /
                       (double)scale_of(op->out_value);
        wanted[at4(out, n, y, x, c)] = code_of_sum(sum, ratio, op->out_value);
    }
}

static double *centred(const int8_t *codes, int64_t n, int64_t channel,
                       const int32_t *zero, int64_t zeros)
{
    double *x = memory_new(n, sizeof *x, NULL);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = codes[i] - zero[zeros == 1 ? 0 : i / channel];
    return x;
}

/* Sums in double are exact here: they are whole and far below 2^53. */
static void unrolled_reference(const operation *op, int8_t *wanted)
{
    const parameter *weight = op->parameters[ROLE_WEIGHT],
                    *bias = op->parameters[ROLE_BIAS];
    const quantizer *q = weight->quantizer;
    const int64_t count = tensor_count(weight->codes), n = shape_count(op->out);
    const int64_t channels = op->node->attr.channels;
    int32_t zero = zero_of(op->in_value[0]);
    double *x = centred(op->x[0], shape_count(op->in[0]), 1, &zero, 1);
    double *w = centred(tensor_data(weight->codes), count, count / channels,
                        q->zero_point, q->channels);
    double *b = memory_new(channels, sizeof *b, NULL),
           *y = memory_new(n, sizeof *y, NULL);
    assert_true(b && y);
    for (int64_t c = 0; bias && c < channels; c++)
        b[c] = ((const int32_t *)tensor_data(bias->codes))[c];
    reference_run r = {.node = op->node, .in = {op->in[0]}, .out = op->out, .x = {x}};
    r.parameters[ROLE_WEIGHT] = w;
    r.parameters[ROLE_BIAS] = b;
    r.y = y;
    reference_forward(&r);
    for (int64_t i = 0; i < n; i++) {
        double ratio = (double)scale_of(op->in_value[0]) *
                       (double)q->scale[q->channels == 1 ? 0 : i % channels] /
                       (double)scale_of(op->out_value);
        wanted[i] = code_of_sum((int64_t)y[i], ratio, op->out_value);
    }
    memory_free(x);
    memory_free(w);
    memory_free(b);
    memory_free(y);
}

static void linear_reference(const operation *op, int8_t *wanted)
{
    const parameter *weight = op->parameters[ROLE_WEIGHT],
                    *bias = op->parameters[ROLE_BIAS];
    const int8_t *w = tensor_data(weight->codes);
    const quantizer *q = weight->quantizer;
    int64_t in = op->in[0].dim[op->in[0].rank - 1], out = op->out.dim[op->out.rank - 1];
    int64_t rows = shape_count(op->out) / out;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t o = 0; o < out; o++) {
            int64_t sum = bias ? ((const int32_t *)tensor_data(bias->codes))[o] : 0;
            int64_t at = q->channels == 1 ? 0 : o;
            for (int64_t i = 0; i < in; i++)
                sum += (w[o * in + i] - q->zero_point[at]) *
                       (input_at(op, 0, row * in + i) - zero_of(op->in_value[0]));
            double ratio = (double)scale_of(op->in_value[0]) * (double)q->scale[at] /
                           (double)scale_of(op->out_value);
            wanted[row * out + o] = code_of_sum(sum, ratio, op->out_value);
        }
}

static void max_pool_reference(const operation *op, int8_t *wanted)
{
    const attributes *a = &op->node->attr;
    shape in = op->in[0], out = op->out;
    FOR_EACH_OUTPUT(out)
    {
        int best = -128;
        for (int64_t ky = 0; ky < a->kernel[1]; ky++)
            for (int64_t kx = 0; kx < a->kernel[2]; kx++) {
                int64_t iy = y * a->stride[1] - a->padding[1] + ky;
                int64_t ix = x * a->stride[2] - a->padding[2] + kx;
                if (inside(in, iy, ix) && input_at(op, 0, at4(in, n, iy, ix, c)) > best)
                    best = input_at(op, 0, at4(in, n, iy, ix, c));
            }
        wanted[at4(out, n, y, x, c)] = (int8_t)best;
    }
}

static void avg_pool_reference(const operation *op, int8_t *wanted)
{
    const attributes *a = &op->node->attr;
    shape in = op->in[0], out = op->out;
    bool global = !strcmp(op->node->op->name, "global_avg_pool2d");
    int64_t height = global ? in.dim[1] : a->kernel[1];
    int64_t width = global ? in.dim[2] : a->kernel[2];
    FOR_EACH_OUTPUT(out)
    {
        int64_t sum = 0;
        for (int64_t ky = 0; ky < height; ky++)
            for (int64_t kx = 0; kx < width; kx++) {
                int64_t iy = global ? ky : y * a->stride[1] - a->padding[1] + ky;
                int64_t ix = global ? kx : x * a->stride[2] - a->padding[2] + kx;
                if (inside(in, iy, ix))
                    sum +=
                        input_at(op, 0, at4(in, n, iy, ix, c)) - zero_of(op->in_value[0]);
            }
        double ratio = (double)scale_of(op->in_value[0]) /
                       ((double)scale_of(op->out_value) * (double)(height * width));
        wanted[at4(out, n, y, x, c)] = code_of_sum(sum, ratio, op->out_value);
    }
}

/* Where output place I lies: between place[0] and place[1], place[2] / 2048 of the way;
   by whole numbers alone. */
static void place_of(int64_t in, int64_t out, bool align, int64_t i, int64_t place[3])
{
    int64_t number = align ? i * (in - 1) : (2 * i + 1) * in - out;
    int64_t divisor = align ? (out > 1 ? out - 1 : 1) : 2 * out;
    number = number > 0 && !(align && out == 1) ? number : 0;
    place[0] = number / divisor;
    place[1] = place[0] + 1 < in ? place[0] + 1 : in - 1;
    place[2] = (int64_t)rint(2048.0 * (double)(number % divisor) / (double)divisor);
}

static void bilinear_reference(const operation *op, int8_t *wanted)
{
    shape in = op->in[0], out = op->out;
    bool align = op->node->attr.align_corners;
    FOR_EACH_OUTPUT(out)
    {
        int64_t py[3], px[3], sum = 0, zero = zero_of(op->in_value[0]);
        place_of(in.dim[1], out.dim[1], align, y, py);
        place_of(in.dim[2], out.dim[2], align, x, px);
        for (int i = 0; i < 4; i++) {
            int64_t wy = i / 2 ? py[2] : 2048 - py[2], wx = i % 2 ? px[2] : 2048 - px[2];
            sum +=
                wy * wx * (input_at(op, 0, at4(in, n, py[i / 2], px[i % 2], c)) - zero);
        }
        wanted[at4(out, n, y, x, c)] =
            (int8_t)(zero + (int64_t)floor((double)(sum + 2097152) / 4194304.0));
    }
}

static void nearest_reference(const operation *op, int8_t *wanted)
{
    shape in = op->in[0], out = op->out;
    FOR_EACH_OUTPUT(out)
    wanted[at4(out, n, y, x, c)] = input_at(
        op, 0, at4(in, n, y * in.dim[1] / out.dim[1], x * in.dim[2] / out.dim[2], c));
}

static void pad_reference(const operation *op, int8_t *wanted)
{
    shape in = op->in[0], out = op->out;
    int64_t top = (int64_t)floor((double)(out.dim[1] - in.dim[1]) / 2);
    int64_t left = (int64_t)floor((double)(out.dim[2] - in.dim[2]) / 2);
    FOR_EACH_OUTPUT(out)
    wanted[at4(out, n, y, x, c)] = inside(in, y - top, x - left)
                                       ? input_at(op, 0, at4(in, n, y - top, x - left, c))
                                       : (int8_t)zero_of(op->in_value[0]);
}

static void flatten_reference(const operation *op, int8_t *wanted)
{
    shape in = op->in[0];
    int64_t image = in.dim[1] * in.dim[2] * in.dim[3];
    FOR_EACH_OUTPUT(in)
    wanted[n * image + (c * in.dim[1] + y) * in.dim[2] + x] =
        input_at(op, 0, at4(in, n, y, x, c));
}

static void concat_reference(const operation *op, int8_t *wanted)
{
    int64_t total = op->out.dim[3], rows = shape_count(op->out) / total, at = 0;
    for (int k = 0; k < op->node->input_count; k++) {
        int64_t columns = op->in[k].dim[3];
        for (int64_t row = 0; row < rows; row++)
            for (int64_t c = 0; c < columns; c++)
                wanted[row * total + at + c] = code_of_sum(
                    input_at(op, k, row * columns + c) - zero_of(op->in_value[k]),
                    ratio_of(op, k), op->out_value);
        at += columns;
    }
}

static void add_reference(const operation *op, int8_t *wanted)
{
    shape out = op->out;
    FOR_EACH_OUTPUT(out)
    {
        volatile float product[2];
        for (int k = 0; k < 2; k++) {
            shape s = op->in[k];
            volatile float factor = (float)ratio_of(op, k);
            int code = input_at(op, k, at4(s, n, y % s.dim[1], x % s.dim[2], c));
            product[k] = (float)(code - zero_of(op->in_value[k])) * factor;
        }
        volatile float sum = product[0] + product[1];
        wanted[at4(out, n, y, x, c)] = code_of(sum, op->out_value);
    }
}

static void multiply_reference(const operation *op, int8_t *wanted)
{
    shape out = op->out;
    double ratio = (double)scale_of(op->in_value[0]) * (double)scale_of(op->in_value[1]) /
                   (double)scale_of(op->out_value);
    FOR_EACH_OUTPUT(out)
    {
        int64_t product = 1;
        for (int k = 0; k < 2; k++) {
            shape s = op->in[k];
            product *= input_at(op, k, at4(s, n, y % s.dim[1], x % s.dim[2], c)) -
                       zero_of(op->in_value[k]);
        }
        wanted[at4(out, n, y, x, c)] = code_of_sum(product, ratio, op->out_value);
    }
}

static double hard_sigmoid(double x)
{
    double y = x / 6.0 + 0.5;
    return y < 0 ? 0 : y > 1 ? 1 : y;
}

static double function_of(const operation *op, double x)
{
    const char *name = op->node->op->name;
    if (!strcmp(name, "relu"))
        return x > 0 ? x : 0;
    if (!strcmp(name, "leaky_relu"))
        return x > 0 ? x : op->node->attr.slope * x;
    if (!strcmp(name, "relu6"))
        return fmin(fmax(x, 0), 6);
    if (!strcmp(name, "tanh"))
        return tanh(x);
    if (!strcmp(name, "sigmoid"))
        return 1.0 / (1.0 + exp(-x));
    if (!strcmp(name, "gelu"))
        return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
    return strcmp(name, "hard_swish") ? hard_sigmoid(x) : x * hard_sigmoid(x);
}

static int8_t encoded(double real, const value *out)
{
    return clamp_code(rint(real / (double)scale_of(out)) + zero_of(out), out);
}

static void function_reference(const operation *op, int8_t *wanted)
{
    for (int64_t i = 0; i < shape_count(op->out); i++) {
        int code = input_at(op, 0, i) - zero_of(op->in_value[0]);
        wanted[i] = encoded(function_of(op, (double)scale_of(op->in_value[0]) * code),
                            op->out_value);
    }
}

static void quantize_reference(const operation *op, int8_t *wanted)
{
    const float *x = op->x[0];
    for (int64_t i = 0; i < shape_count(op->out); i++)
        wanted[i] = encoded((double)x[i], op->out_value);
}

int8_t *support_integer(const operation *op)
{
    static const struct {
        const char *name;
        void (*run)(const operation *op, int8_t *wanted);
    } rows[] = {{"conv2d", conv_reference},
                {"conv3d", unrolled_reference},
                {"conv_transpose2d", unrolled_reference},
                {"conv_transpose3d", unrolled_reference},
                {"linear", linear_reference},
                {"relu", function_reference},
                {"leaky_relu", function_reference},
                {"relu6", function_reference},
                {"sigmoid", function_reference},
                {"tanh", function_reference},
                {"gelu", function_reference},
                {"hard_swish", function_reference},
                {"hard_sigmoid", function_reference},
                {"quantize", quantize_reference},
                {"max_pool2d", max_pool_reference},
                {"avg_pool2d", avg_pool_reference},
                {"global_avg_pool2d", avg_pool_reference},
                {"resize_bilinear", bilinear_reference},
                {"resize_nearest", nearest_reference},
                {"pad_or_crop", pad_reference},
                {"flatten", flatten_reference},
                {"concat", concat_reference},
                {"add", add_reference},
                {"multiply", multiply_reference}};
    int8_t *wanted = memory_new(shape_count(op->out), 1, NULL);
    assert_non_null(wanted);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].name, op->node->op->name)) {
            rows[i].run(op, wanted);
            for (int64_t k = 0; op->tail.map && k < shape_count(op->out); k++)
                wanted[k] = op->tail.map[wanted[k] + 128];
            return wanted;
        }
    fail_msg("no reference for %s", op->node->op->name);
    return wanted;
}

/* ---- simulation ---- */

/* Real numbers of a layer's input at one place, and of its weight. */
static double real_input(const operation *op, int64_t at)
{
    return (double)scale_of(op->in_value[0]) *
           (input_at(op, 0, at) - zero_of(op->in_value[0]));
}

static double real_weight(const parameter *weight, int64_t at, int64_t channel)
{
    const quantizer *q = weight->quantizer;
    int64_t c = q->channels == 1 ? 0 : channel;
    return (double)q->scale[c] *
           (((const int8_t *)tensor_data(weight->codes))[at] - q->zero_point[c]);
}

static double real_bias(const operation *op, int64_t channel)
{
    const parameter *bias = op->parameters[ROLE_BIAS];
    const quantizer *q = op->parameters[ROLE_WEIGHT]->quantizer;
    if (!bias)
        return 0;
    return ((const int32_t *)tensor_data(bias->codes))[channel] *
           (double)scale_of(op->in_value[0]) *
           (double)q->scale[q->channels == 1 ? 0 : channel];
}

static void check_simulated(const operation *op, double real, int8_t code)
{
    const quantizer *q = op->out_value->quantizer;
    double low = -ldexp(1, q->bits - 1), high = -low - 1;
    double v = fmin(fmax(real / (double)q->scale[0] + q->zero_point[0], low), high);
    if (fabs(v - code) > 0.5 + 1e-4)
        fail_msg("%s: code %d, the simulation says %.6f", op->node->name, code, v);
}

static double simulated_conv(const operation *op, int64_t n, int64_t y, int64_t x,
                             int64_t c)
{
    const attributes *a = &op->node->attr;
    const shape in = op->in[0];
    int64_t depth = in.dim[3] / a->groups,
            first = c / (op->out.dim[3] / a->groups) * depth;
    double sum = real_bias(op, c);
    for (int64_t ky = 0; ky < a->kernel[1]; ky++)
        for (int64_t kx = 0; kx < a->kernel[2]; kx++) {
            int64_t iy = y * a->stride[1] - a->padding[1] + ky * a->dilation[1];
            int64_t ix = x * a->stride[2] - a->padding[2] + kx * a->dilation[2];
            int64_t at = ((c * a->kernel[1] + ky) * a->kernel[2] + kx) * depth;
            for (int64_t i = 0; inside(in, iy, ix) && i < depth; i++)
                sum += real_weight(op->parameters[ROLE_WEIGHT], at + i, c) *
                       real_input(op, at4(in, n, iy, ix, first + i));
        }
    return sum;
}

void support_integer_simulate(const operation *op, const int8_t *codes)
{
    const shape out = op->out;
    if (!strcmp(op->node->op->name, "conv2d")) {
        FOR_EACH_OUTPUT(out)
        check_simulated(op, simulated_conv(op, n, y, x, c), codes[at4(out, n, y, x, c)]);
        return;
    }
    int64_t inputs = op->in[0].dim[op->in[0].rank - 1], outputs = out.dim[out.rank - 1];
    for (int64_t i = 0; i < shape_count(out); i++) {
        double sum = real_bias(op, i % outputs);
        for (int64_t k = 0; k < inputs; k++)
            sum += real_weight(op->parameters[ROLE_WEIGHT], i % outputs * inputs + k,
                               i % outputs) *
                   real_input(op, i / outputs * inputs + k);
        check_simulated(op, sum, codes[i]);
    }
}
