/* SPDX-License-Identifier: GPL-3.0-or-later
   test_model_file.c -- models to disk and back, bit for bit; sizes; the container read by
   others; and files that are cut, bent or lie. */
#include "support.h"
#include "support_graph.h"
#include "support_model_file.h"
#include "support_phase.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/memory.h"
#include "compress/quantize.h"
#include "engine/plan.h"
#include "format/model_file.h"
#include "format/packing.h"

#define SIZE 16

/* ---- models to write ---- */

static model *plain_model(uint64_t seed)
{
    graph *g = support_unet(SIZE);
    support_fill(g, seed);
    model *m = model_new(g, NULL);
    m->input_transform = (transform){.kind = TRANSFORM_LOG, .epsilon = 1e-9};
    return m;
}

static void quantize(model *m, quantize_scheme scheme, int bits, granularity grain,
                     const dataset *d)
{
    error e = {0};
    quantize_settings s = {
        .scheme = scheme, .bits = bits, .grain = grain, .samples = 4, .seed = 1};
    if (quantize_model(m, &s, d, NULL, &e))
        fail_msg("%s", e.text);
}

/* ---- comparing ---- */

static void check_tensors(const tensor *a, const tensor *b)
{
    assert_int_equal(a != NULL, b != NULL);
    assert_true(!a || tensor_equal(a, b));
}

static void check_same_graph(const graph *a, const graph *b)
{
    for (int i = 0; i < a->node_count; i++) {
        const char *x = a->nodes[i].method, *y = b->nodes[i].method;
        assert_true(x ? y && strcmp(x, y) == 0 : !y);
    }
    assert_int_equal(a->parameter_count, b->parameter_count);
    for (int i = 0; i < a->parameter_count; i++) {
        const parameter *p = &a->parameters[i], *q = &b->parameters[i];
        assert_string_equal(p->name, q->name);
        assert_int_equal(p->role, q->role);
        check_tensors(p->data, q->data);
        check_tensors(p->mask, q->mask);
        check_tensors(p->codes, q->codes);
        assert_int_equal(p->quantizer != NULL, q->quantizer != NULL);
        if (p->quantizer) {
            assert_int_equal(p->quantizer->bits, q->quantizer->bits);
            assert_int_equal(p->quantizer->grain, q->quantizer->grain);
        }
    }
    assert_true(graph_hash(a) == graph_hash(b));
    assert_true(shape_equal(a->input_shape, b->input_shape));
}

static void check_same_model(const model *a, const model *b)
{
    check_same_graph(a->graph, b->graph);
    assert_string_equal(a->architecture, b->architecture);
    assert_string_equal(a->options, b->options);
    assert_true(a->seed == b->seed);
    assert_memory_equal(&a->input_transform, &b->input_transform, sizeof(transform));
    assert_int_equal(a->epoch_count, b->epoch_count);
    for (int64_t i = 0; i < a->epoch_count; i++) {
        const epoch_row *x = &a->epochs[i], *y = &b->epochs[i];
        assert_int_equal(x->epoch, y->epoch);
        assert_true(x->train_loss == y->train_loss);
        assert_true(x->val_loss == y->val_loss ||
                    (isnan(x->val_loss) && isnan(y->val_loss)));
        assert_true(x->learning_rate == y->learning_rate && x->best == y->best);
        assert_string_equal(x->metric, y->metric);
        assert_true(x->score == y->score || !x->metric[0]);
    }
    assert_int_equal(a->step_count, b->step_count);
    for (int64_t i = 0; i < a->step_count; i++) {
        assert_string_equal(a->steps[i].command, b->steps[i].command);
        assert_string_equal(a->steps[i].summary, b->steps[i].summary);
        assert_true(a->steps[i].hash == b->steps[i].hash);
    }
}

/* Through a file and back, twice the same; size as said beforehand.  Returns the size. */
static int64_t check_roundtrip(const model *m)
{
    error e = {0};
    struct stat about;
    int64_t bytes = 0;
    char *path = file_temporary(".safetensors", &e);
    if (model_write(m, path, &e))
        fail_msg("%s", e.text);
    model *back = model_read(path, &e);
    if (!back)
        fail_msg("%s", e.text);
    check_same_model(m, back);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(model_file_bytes(m, &e), about.st_size);
    model *again = model_roundtrip(back, &bytes, &e);
    assert_int_equal(bytes, about.st_size);
    check_same_model(m, again);
    unlink(path);
    memory_free(path);
    model_free(back);
    model_free(again);
    return bytes;
}

static void check_same_output(const model *a, const model *b, const dataset *d)
{
    int64_t index[2] = {0, 1};
    float *y[2];
    int64_t count = 0;
    for (int k = 0; k < 2; k++) {
        const model *m = k ? b : a;
        plan *p = plan_new_inference(m->graph, 2, dataset_input_shape(d), NULL);
        assert_int_equal(plan_start(p, NULL), E_OK);
        dataset_batch(d, &m->input_transform, index, 2, plan_input(p), NULL, NULL, NULL);
        assert_int_equal(plan_forward(p, 0, 0, NULL), E_OK);
        count = shape_count(plan_output_shape(p));
        y[k] = memory_new(count, sizeof(float), NULL);
        memcpy(y[k], plan_output(p), (size_t)count * sizeof(float));
        plan_free(p);
    }
    assert_memory_equal(y[0], y[1], (size_t)count * sizeof(float));
    memory_free(y[0]);
    memory_free(y[1]);
}

/* ---- round trips ---- */

static void test_plain(void **state)
{
    (void)state;
    error e = {0};
    model *m = plain_model(1);
    check_roundtrip(m);
    memory_free(m->architecture);
    memory_free(m->options);
    m->architecture = memory_text("unet-phase", &e);
    m->options = memory_text("levels=2 \"quoted\" \\ \t \xc3\xa9", &e);
    m->seed = UINT64_MAX;
    m->input_transform = (transform){.kind = TRANSFORM_NORMALIZE,
                                     .epsilon = 0.1,
                                     .height = 24,
                                     .width = 65536,
                                     .channels = 3,
                                     .mean = {0.485, 1.0 / 3, -1e-300},
                                     .deviation = {0.229, 1e300, 3}};
    for (int i = 1; i < 4; i++)
        model_add_epoch(m,
                        (epoch_row){i,
                                    0.1 / i,
                                    i == 2 ? (double)NAN : 1.0 / i,
                                    1e-3 * i,
                                    12.25,
                                    i == 3,
                                    {0},
                                    NAN},
                        &e);
    model_add_epoch(m, (epoch_row){4, 0.1, 0.2, 1e-3, 1, false, "top5", 0.875}, &e);
    model_add_step(m, "train m d epochs=3", "loss 0.1", &e);
    model_add_step(m, "prune m amount=0.9", "sparsity 0.9", &e);
    node_set_method(&m->graph->nodes[0], "gather", &e);
    node_set_method(&m->graph->nodes[1], "of another program", &e);
    check_roundtrip(m);
    model_free(m);
}

/* Bytes of a command that are no UTF-8 must not make a model unwritable. */
static void test_foreign_words(void **state)
{
    (void)state;
    error e = {0};
    int64_t bytes;
    model *m = plain_model(2);
    model_add_step(m, "load m caf\xe9.npz", "", &e);
    model *back = model_roundtrip(m, &bytes, &e);
    if (!back)
        fail_msg("%s", e.text);
    assert_string_equal(back->steps[0].command, "load m caf?.npz");
    model_free(back);
    model_free(m);
}

static void test_pruned(void **state)
{
    static const double amounts[] = {0.001, 0.02, 0.3, 0.9, 1};
    (void)state;
    for (int i = 0; i < 5; i++) {
        model *m = plain_model(3);
        support_prune(m, amounts[i]);
        check_roundtrip(m);
        model_free(m);
    }
}

/* A kept element that is 0: the mask cannot be told from the data. */
static void test_kept_zeros(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        model *m = plain_model(4);
        support_prune(m, i ? 0.5 : 0.001);
        for (int k = 0; k < m->graph->parameter_count; k++) {
            parameter *p = &m->graph->parameters[k];
            if (p->mask)
                memset(tensor_write_f32(p->data, NULL), 0, tensor_bytes(p->data) / 2);
        }
        check_roundtrip(m);
        model_free(m);
    }
}

static void test_mask_disobeyed(void **state)
{
    (void)state;
    error e = {0};
    model *m = plain_model(5);
    support_prune(m, 0.5);
    for (int k = 0; k < m->graph->parameter_count; k++)
        if (m->graph->parameters[k].mask) {
            float *x = tensor_write_f32(m->graph->parameters[k].data, NULL);
            for (int64_t i = 0; i < tensor_count(m->graph->parameters[k].data); i++)
                x[i] = 1;
        }
    assert_int_equal(model_file_bytes(m, &e), -1);
    assert_int_equal(e.code, E_NUMERIC);
    model_free(m);
}

static void test_quantized(void **state)
{
    (void)state;
    dataset *d = support_phase_data(10, SIZE, 1);
    for (int bits = 2; bits <= 8; bits++)
        for (int pruned = 0; pruned < 2; pruned++) {
            model *m = plain_model(6), *back;
            int64_t bytes;
            if (pruned)
                support_prune(m, bits % 2 ? 0.7 : 0.05);
            quantize(m, pruned && bits == 5 ? QUANTIZE_WEIGHT : QUANTIZE_STATIC, bits,
                     (granularity)((bits + pruned) % 3), d);
            check_roundtrip(m);
            back = model_roundtrip(m, &bytes, NULL);
            check_same_output(m, back, d);
            model_free(back);
            model_free(m);
        }
    dataset_free(d);
}

/* 90 % pruned under a fifth, int8 under 27 %, both together smaller than either. */
static void test_sizes(void **state)
{
    (void)state;
    dataset *d = support_phase_data(10, 32, 2);
    model *m = support_phase_model("levels=5 channels=8 size=32", 1);
    double dense = (double)check_roundtrip(m);
    assert_true(dense > 4e6);
    model *pruned = model_copy(m, NULL), *int8 = model_copy(m, NULL);
    support_prune(pruned, 0.9);
    double small = (double)check_roundtrip(pruned);
    assert_true(small < 0.2 * dense);
    quantize(int8, QUANTIZE_STATIC, 8, PER_CHANNEL, d);
    double codes = (double)check_roundtrip(int8);
    assert_true(codes < 0.27 * dense);
    quantize(pruned, QUANTIZE_STATIC, 8, PER_TENSOR, d);
    double both = (double)check_roundtrip(pruned);
    assert_true(both < 0.08 * dense);
    model_free(int8);
    int8 = model_copy(m, NULL);
    quantize(int8, QUANTIZE_WEIGHT, 4, PER_TENSOR, NULL);
    assert_true((double)check_roundtrip(int8) < 0.15 * dense);
    model_free(m);
    model_free(pruned);
    model_free(int8);
    dataset_free(d);
}

/* ---- the container, read by others ---- */

/* Where tensor NAME lies, of TYPE and the dimensions WANTED (-1 ends them). */
static const unsigned char *tensor_at(const json_t *header, const unsigned char *bytes,
                                      const char *name, const char *type,
                                      const int64_t *wanted)
{
    const json_t *entry = json_object_get(header, name);
    const json_t *shape = json_object_get(entry, "shape");
    size_t rank = 0;
    if (!entry)
        fail_msg("there is no tensor %s", name);
    assert_string_equal(json_string_value(json_object_get(entry, "dtype")), type);
    for (; wanted[rank] >= 0; rank++)
        assert_int_equal(json_integer_value(json_array_get(shape, rank)), wanted[rank]);
    assert_int_equal(json_array_size(shape), rank);
    json_int_t begin =
        json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 0));
    return bytes + 8 + support_header_length(bytes) + begin;
}

/* Weight (o, i, y, x) of P. */
static int64_t place_of(const parameter *p, int64_t o, int64_t i, int64_t y, int64_t x)
{
    shape s = tensor_shape(p->data); /* (O, kH, kW, I) */
    return ((o * s.dim[1] + y) * s.dim[2] + x) * s.dim[3] + i;
}

static const parameter *parameter_named(const model *m, const char *name)
{
    return &m->graph->parameters[graph_find_parameter(m->graph, name)];
}

static json_t *header_of(const unsigned char *bytes, size_t length)
{
    assert_true(support_header_length(bytes) % 8 == 0 &&
                support_header_length(bytes) + 8 <= length);
    json_t *header = json_loadb((const char *)bytes + 8, support_header_length(bytes),
                                JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(header);
    return header;
}

static void test_layout(void **state)
{
    static const int64_t four[] = {6, 4, 3, 3, -1};
    (void)state;
    model *m = plain_model(7);
    size_t length;
    unsigned char *bytes = support_file(m, &length);
    json_t *header = header_of(bytes, length);
    const unsigned char *at = tensor_at(header, bytes, "down.0.weight", "F32", four);
    const parameter *p = parameter_named(m, "down.0.weight");
    assert_int_equal((at - bytes) % 4, 0);
    for (int64_t k = 0; k < 6 * 4 * 9; k++) {
        int64_t from = place_of(p, k / 36, k / 9 % 4, k / 3 % 3, k % 3);
        assert_memory_equal(at + 4 * k, &tensor_f32(p->data)[from], 4);
    }
    const char *words = json_string_value(
        json_object_get(json_object_get(header, "__metadata__"), "lathe"));
    json_t *about = json_loads(words, JSON_REJECT_DUPLICATES, NULL);
    assert_int_equal(json_integer_value(json_object_get(about, "lathe_format")), 1);
    json_decref(about);
    json_decref(header);
    memory_free(bytes);
    model_free(m);
}

/* Bitmap and kept values in the outside's order, by hand. */
static void test_packed_layout(void **state)
{
    (void)state;
    model *m = plain_model(8);
    support_prune(m, 0.8);
    size_t length;
    unsigned char *bytes = support_file(m, &length);
    json_t *header = header_of(bytes, length);
    const parameter *p = parameter_named(m, "down.0.weight");
    const uint8_t *mask = tensor_data(p->mask);
    int64_t kept = parameter_nonzero(p), seen = 0;
    const unsigned char *bitmap =
        tensor_at(header, bytes, "down.0.weight.bitmap", "U8", (int64_t[]){27, -1});
    const unsigned char *values =
        tensor_at(header, bytes, "down.0.weight.values", "F32", (int64_t[]){kept, -1});
    assert_null(json_object_get(header, "down.0.weight"));
    for (int64_t k = 0; k < 6 * 4 * 9; k++) {
        int64_t from = place_of(p, k / 36, k / 9 % 4, k / 3 % 3, k % 3);
        assert_int_equal(bitmap[k / 8] >> k % 8 & 1, mask[from]);
        if (mask[from])
            assert_memory_equal(values + 4 * seen++, &tensor_f32(p->data)[from], 4);
    }
    assert_int_equal(seen, kept);
    json_decref(header);
    memory_free(bytes);
    model_free(m);
}

static void test_code_layout(void **state)
{
    (void)state;
    dataset *d = support_phase_data(10, SIZE, 3);
    for (int bits = 4; bits <= 8; bits += 4) {
        model *m = plain_model(9);
        quantize(m, QUANTIZE_STATIC, bits, PER_CHANNEL, d);
        size_t length;
        unsigned char *bytes = support_file(m, &length);
        json_t *header = header_of(bytes, length);
        const parameter *p = parameter_named(m, "down.0.weight");
        const int8_t *codes = tensor_data(p->codes);
        const int64_t plain[] = {6, 4, 3, 3, -1}, packed[] = {108, -1};
        const unsigned char *at =
            tensor_at(header, bytes, "down.0.weight", bits == 8 ? "I8" : "U8",
                      bits == 8 ? plain : packed);
        for (int64_t k = 0; k < 6 * 4 * 9; k++) {
            int64_t from = place_of(p, k / 36, k / 9 % 4, k / 3 % 3, k % 3);
            int code = bits == 8 ? (int8_t)at[k] : at[k / 2] >> (k % 2 ? 4 : 0) & 15;
            assert_int_equal(bits == 8 || code < 8 ? code : code - 16, codes[from]);
        }
        const int64_t six[] = {6, -1};
        at = tensor_at(header, bytes, "down.0.weight.scale", "F32", six);
        assert_memory_equal(at, p->quantizer->scale, 24);
        assert_null(json_object_get(header, "down.0.weight.zero_point"));
        at = tensor_at(header, bytes, "down.0.bias", "I32", six);
        assert_memory_equal(at, tensor_data(parameter_named(m, "down.0.bias")->codes),
                            24);
        json_decref(header);
        memory_free(bytes);
        model_free(m);
    }
    dataset_free(d);
}

/* Python's own reader, where it is installed. */
static void test_python(void **state)
{
    (void)state;
    error e = {0};
    if (system("/usr/bin/python3 -c 'import safetensors, numpy' 2>/dev/null") != 0)
        skip();
    model *m = plain_model(10);
    support_prune(m, 0.5);
    char *path = file_temporary(".safetensors", &e);
    assert_int_equal(model_write(m, path, &e), E_OK);
    char *command =
        memory_format(&e,
                      "/usr/bin/python3 -c \"from safetensors.numpy import load_file; "
                      "t = load_file('%s'); assert t['down.0.bias'].shape == (6,); "
                      "assert t['out.bias'].dtype.name == 'float32'; "
                      "assert t['down.0.weight.bitmap'].dtype.name == 'uint8'\"",
                      path);
    assert_int_equal(system(command), 0);
    unlink(path);
    memory_free(path);
    memory_free(command);
    model_free(m);
}

/* ---- packing ---- */

static void test_packing(void **state)
{
    (void)state;
    random_stream r = random_new(1, "packing", 0);
    for (int bits = 2; bits <= 8; bits++)
        for (int64_t n = 0; n < 40; n++) {
            int8_t codes[40], back[40];
            uint8_t packed[48], mask[40], again[40], bitmap[6];
            memset(packed, 0xa5, sizeof packed);
            for (int64_t i = 0; i < n; i++) {
                codes[i] = (int8_t)(random_below(&r, 1 << bits) - (1 << (bits - 1)));
                mask[i] = (uint8_t)random_below(&r, 2);
            }
            packing_codes(codes, 1, n, bits, packed);
            assert_int_equal(packed[packing_bytes(n, bits)], 0xa5);
            packing_uncodes(packed, n, bits, back, 1);
            assert_memory_equal(codes, back, (size_t)n);
            packing_bitmap(mask, n, bitmap);
            int64_t kept = packing_unbitmap(bitmap, n, again);
            assert_memory_equal(mask, again, (size_t)n);
            assert_int_equal(packing_kept(codes, 1, mask, n, back), kept);
            int8_t rest = 77, whole[40];
            assert_int_equal(packing_unkept(back, 1, mask, n, &rest, whole), kept);
            for (int64_t i = 0; i < n; i++)
                assert_int_equal(whole[i], mask[i] ? codes[i] : 77);
        }
    for (int bits = 9; bits <= 15; bits++)
        for (int64_t n = 0; n < 40; n++) {
            int16_t codes[40], back[40];
            uint8_t packed[80];
            memset(packed, 0xa5, sizeof packed);
            for (int64_t i = 0; i < n; i++)
                codes[i] = (int16_t)(random_below(&r, 1 << bits) - (1 << (bits - 1)));
            packing_codes(codes, 2, n, bits, packed);
            assert_int_equal(packed[packing_bytes(n, bits)], 0xa5);
            packing_uncodes(packed, n, bits, back, 2);
            assert_memory_equal(codes, back, (size_t)n * sizeof *codes);
        }
    uint8_t wrong = 0xff, mask[3];
    assert_int_equal(packing_unbitmap(&wrong, 3, mask), -1);
}

/* ---- files that lie ---- */

/* What a model records of its samples comes back; block-log, too. */
static void test_augmentation(void **state)
{
    (void)state;
    error e = {0};
    int64_t bytes;
    model *m = plain_model(1);
    m->input_transform = (transform){.kind = TRANSFORM_BLOCK_LOG, .epsilon = 1e-4};
    m->augment = (augmentation){.crop = 4, .flip_y = true, .turn = true};
    model *back = model_roundtrip(m, &bytes, &e);
    assert_non_null(back);
    assert_int_equal(back->input_transform.kind, TRANSFORM_BLOCK_LOG);
    assert_true(back->input_transform.epsilon == 1e-4);
    assert_int_equal(back->augment.crop, 4);
    assert_true(!back->augment.flip_x && back->augment.flip_y && back->augment.turn);
    model_free(back);
    m->augment = (augmentation){0};
    back = model_roundtrip(m, &bytes, &e);
    assert_non_null(back);
    assert_true(augmentation_is_none(&back->augment));
    model_free(back);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),          cmocka_unit_test(test_foreign_words),
        cmocka_unit_test(test_pruned),         cmocka_unit_test(test_kept_zeros),
        cmocka_unit_test(test_mask_disobeyed), cmocka_unit_test(test_quantized),
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_layout),
        cmocka_unit_test(test_packed_layout),  cmocka_unit_test(test_code_layout),
        cmocka_unit_test(test_python),         cmocka_unit_test(test_packing),
        cmocka_unit_test(test_augmentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
