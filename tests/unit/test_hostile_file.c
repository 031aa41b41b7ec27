/* SPDX-License-Identifier: GPL-3.0-or-later
   test_hostile_file.c -- model files that are cut, changed and lying: a message, never a
   crash. */
#include "support.h"
#include "support_graph.h"
#include "support_model_file.h"
#include "support_phase.h"
#include <jansson.h>
#include <string.h>
#include "base/file.h"
#include "base/memory.h"
#include "compress/quantize.h"
#include "format/model_file.h"
#include "format/safetensors.h"

/* A small model with a mask, codes, zero points, a border and a history. */
static model *small_model(void)
{
    error e = {0};
    graph *g = graph_new(shape_of(3, INT64_C(4), INT64_C(4), INT64_C(1)), &e);
    attributes conv = support_convolution(2, 3);
    int v = graph_add(g, "conv2d", "a", &conv, &g->input, 1, &e);
    v = graph_add(g, "relu", "r", NULL, &v, 1, &e);
    graph_add(g, "conv2d", "b", &conv, &v, 1, &e);
    support_fill(g, 1);
    model *m = model_new(g, &e);
    support_prune(m, 0.5);
    dataset *d = support_phase_data(10, 4, 4);
    quantize_settings s = {.scheme = QUANTIZE_STATIC,
                           .bits = 5,
                           .grain = PER_MODEL,
                           .samples = 2,
                           .keep_first = 1};
    assert_int_equal(quantize_model(m, &s, d, NULL, &e), E_OK);
    model_add_step(m, "quantize m", "ok", &e);
    model_add_epoch(m, (epoch_row){1, 0.5, 0.25, 1e-3, 2, true, "psnr", 31}, &e);
    dataset_free(d);
    return m;
}

/* Any bytes give a sound model, or a sentence. */
static bool parse(const unsigned char *bytes, size_t length)
{
    error e = {0};
    unsigned char *exact = malloc(length ? length : 1); /* its end is watched */
    memcpy(exact, bytes, length);
    model *m = model_parse(exact, length, "bytes", &e);
    bool good = m != NULL;
    if (m) {
        int64_t count = graph_multiply_adds(m->graph, m->graph->input_shape, &e);
        assert_true(count >= 0);
        assert_true(graph_hash(m->graph) != 0);
    } else {
        assert_true(e.code != E_OK && e.text[0] != '\0');
    }
    model_free(m);
    free(exact);
    return good;
}

static void test_truncation(void **state)
{
    (void)state;
    model *m = small_model();
    size_t length;
    unsigned char *bytes = support_file(m, &length);
    assert_true(parse(bytes, length));
    for (size_t n = 0; n < length; n++)
        assert_false(parse(bytes, n));
    memory_free(bytes);
    model_free(m);
}

static void test_flips(void **state)
{
    (void)state;
    model *m = small_model();
    size_t length;
    unsigned char *bytes = support_file(m, &length);
    random_stream r = random_new(2, "flips", 0);
    for (int i = 0; i < 6000; i++) {
        size_t at[3];
        unsigned char old[3];
        int count = 1 + i % 3;
        for (int k = 0; k < count; k++) {
            at[k] = (size_t)random_below(&r, (int64_t)length);
            old[k] = bytes[at[k]];
            int64_t flipped =
                i % 2 ? random_below(&r, 256) : old[k] ^ 1 << random_below(&r, 7);
            bytes[at[k]] = (unsigned char)flipped;
        }
        parse(bytes, length);
        for (int k = count - 1; k >= 0; k--)
            bytes[at[k]] = old[k];
    }
    /* Digits of the header: still JSON, but other sizes, indices and shapes. */
    size_t end = 8 + (size_t)support_header_length(bytes);
    for (int i = 0; i < 6000; i++) {
        size_t at = 8 + (size_t)random_below(&r, (int64_t)end - 8);
        unsigned char old = bytes[at];
        if (old < '0' || old > '9')
            continue;
        bytes[at] = (unsigned char)('0' + random_below(&r, 10));
        parse(bytes, length);
        bytes[at] = old;
    }
    memory_free(bytes);
    model_free(m);
}

/* The file with the first FROM in its header replaced by TO, lengths set right. */
static status parse_edited(const unsigned char *bytes, size_t length, const char *from,
                           const char *to, error *e)
{
    size_t header = (size_t)support_header_length(bytes), old = strlen(from),
           new = strlen(to);
    const unsigned char *at = memmem(bytes + 8, header, from, old);
    if (!at)
        fail_msg("the header has no %s", from);
    size_t before = (size_t)(at - bytes), changed = header + new - old;
    unsigned char *edited = malloc(length + new);
    memcpy(edited, bytes, before);
    memcpy(edited + before, to, new);
    memcpy(edited + before + new, at + old, length - before - old);
    for (int i = 0; i < 8; i++)
        edited[i] = (unsigned char)(changed >> 8 * i);
    *e = (error){0};
    model *m = model_parse(edited, length + new - old, "bytes", e);
    model_free(m);
    free(edited);
    return m ? E_OK : e->code;
}

static void test_lies(void **state)
{
    static const struct {
        const char *from, *to, *says;
    } lies[] = {
        {"lathe_format\\\":1", "lathe_format\\\":2", "version 2"},
        {"\"lathe\":", "\"other\":", "lathe"},
        {"\"F32\"", "\"F99\"", "F99"},
        {"\"F32\"", "\"F64\"", "fit"},
        {"\"data_offsets\":[0,", "\"data_offsets\":[4,", "fit"},
        {"\"data_offsets\":[0,", "\"data_offsets\":[-8,", "size"},
        {"\"shape\":[", "\"shape\":[4294967296,4294967296,", "fit"},
        {"\"shape\":[", "\"shape\":[1,1,1,1,1,1,1,", "numbers"},
        {"\"shape\":[", "\"shape\":[1.5,", "size"},
        {"\\\"op\\\":\\\"conv2d\\\"", "\\\"op\\\":\\\"conv9d\\\"", "conv9d"},
        {"\\\"input\\\":0", "\\\"input\\\":1", ""},
        {"\\\"input\\\":0", "\\\"input\\\":99", "99"},
        {"\\\"inputs\\\":[0]", "\\\"inputs\\\":[3]", "made before"},
        {"\\\"inputs\\\":[0]", "\\\"inputs\\\":[]", "inputs"},
        {"\\\"input_shape\\\":[4,4,1]", "\\\"input_shape\\\":[4,4,2]", "wanted"},
        {"\\\"input_shape\\\":[4,4,1]", "\\\"input_shape\\\":[0,4,1]", "0"},
        {"\\\"channels\\\":2", "\\\"channels\\\":3", "wanted"},
        {"\\\"channels\\\":2", "\\\"channels\\\":9999999999", "9999999999"},
        {"\\\"stride\\\":[0,1,1]", "\\\"stride\\\":[0,0,1]", "stride"},
        {"\\\"groups\\\":1", "\\\"groups\\\":0", "groups"},
        {"\\\"type\\\":\\\"s8\\\"", "\\\"type\\\":\\\"f32\\\"", ""},
        {"\\\"type\\\":\\\"s8\\\"", "\\\"type\\\":\\\"s9\\\"", "s9"},
        {"\\\"mask\\\":\\\"packed\\\"", "\\\"mask\\\":\\\"none\\\"", "missing"},
        {"\\\"mask\\\":\\\"packed\\\"", "\\\"mask\\\":\\\"nonzero\\\"", "missing"},
        {"\\\"name\\\":\\\"a.bias\\\"", "\\\"name\\\":\\\"a.weight\\\"", "two things"},
        {"\\\"role\\\":\\\"bias\\\"", "\\\"role\\\":\\\"shift\\\"", "role"},
        {"\\\"bits\\\":5", "\\\"bits\\\":9", "9"},
        {"\\\"kind\\\":\\\"none\\\"", "\\\"kind\\\":\\\"some\\\"", "some"},
        {"\\\"seed\\\":\\\"0\\\"", "\\\"seed\\\":\\\"-1\\\"", "-1"},
    };
    (void)state;
    model *m = small_model();
    size_t length;
    unsigned char *bytes = support_file(m, &length);
    error e = {0};
    assert_int_equal(parse_edited(bytes, length, "\"lathe\"", "\"lathe\"", &e), E_OK);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        if (parse_edited(bytes, length, lies[i].from, lies[i].to, &e) == E_OK)
            fail_msg("%s passed for %s", lies[i].to, lies[i].from);
        if (!strstr(e.text, lies[i].says) || strncmp(e.text, "bytes: ", 7))
            fail_msg("%s gives: %s", lies[i].to, e.text);
    }
    memory_free(bytes);
    model_free(m);
}

/* Containers written by hand: what the tensors may and may not do. */
static void test_containers(void **state)
{
    static const struct {
        const char *header;
        size_t data;
        bool good;
    } rows[] = {
        {"{}", 0, true},
        {"{}  ", 0, true},
        {"{}", 1, false},
        {"[]", 0, false},
        {" {}", 0, false},
        {"{} x", 0, false},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, true},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, true},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, true},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 3, false},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", 3, false},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,0]}}", 2, false},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2],\"x\":1},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         3, false},
        {"{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[2,3]},"
         "\"a\":{\"dtype\":\"I16\",\"shape\":[1],\"data_offsets\":[0,2]}}",
         3, true},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
         2, false},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],"
         "\"data_offsets\":[0,0]}}",
         0, false},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, false},
        {"{\"a\":7}", 0, false},
        {"{\"__metadata__\":{\"k\":\"v\"}}", 0, true},
        {"{\"__metadata__\":{\"k\":1}}", 0, false},
        {"{\"__metadata__\":[]}", 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        size_t header = strlen(rows[i].header), length = 8 + header + rows[i].data;
        unsigned char *bytes = calloc(1, length);
        bytes[0] = (unsigned char)header;
        memcpy(bytes + 8, rows[i].header, header);
        safetensors *f = safetensors_parse(bytes, length, "bytes", &e);
        if ((f != NULL) != rows[i].good)
            fail_msg("%s with %zu bytes: %s", rows[i].header, rows[i].data, e.text);
        assert_true(f || !strncmp(e.text, "bytes: ", 7));
        safetensors_free(f);
        free(bytes);
    }
}

static void test_missing_files(void **state)
{
    (void)state;
    error e = {0};
    char *path = file_temporary(".safetensors", &e);
    char *below = memory_format(&e, "%s/below", path);
    model *m = small_model();
    assert_null(model_read(below, &e));
    assert_int_equal(e.code, E_FILE);
    assert_int_equal(model_write(m, below, &e), E_FILE);
    assert_int_equal(model_write(m, "/dev/full", &e), E_FILE);
    unlink(path);
    memory_free(path);
    memory_free(below);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncation),    cmocka_unit_test(test_flips),
        cmocka_unit_test(test_lies),          cmocka_unit_test(test_containers),
        cmocka_unit_test(test_missing_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
