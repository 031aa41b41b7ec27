/* SPDX-License-Identifier: GPL-3.0-or-later
   test_resize.c -- pictures brought to the size that a model records, held against the
   definition summed up in double precision.  Pictures of files are test_pictures.c's. */
#include "support.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "format/model_file.h"
#include "measure/evaluate.h"
#include "support_source.h"

/* A network that multiplies what is negative by SLOPE. */
static model *scaling_model(shape in, double slope)
{
    error e = {0};
    graph *g = graph_new(in, &e);
    attributes a = {.slope = slope};
    int value = graph_add(g, "leaky_relu", "act", &a, &g->input, 1, &e);
    if (value < 0)
        fail_msg("%s", e.text);
    return model_new(g, &e);
}

enum { LARGE = 12, NARROW = 4, PHOTOS = 5 };

/* Pixel (I, J) of photo B in a third of its size, by the definition: triangles of twice the
   new pixel's width, cut at the border. */
static double small_pixel(const float *x, int i, int j)
{
    const int ratio = LARGE / NARROW;
    double sum = 0, all = 0;
    for (int h = 0; h < LARGE; h++)
        for (int w = 0; w < LARGE; w++) {
            const double dy = fabs(h + 0.5 - (i + 0.5) * ratio) / ratio;
            const double dx = fabs(w + 0.5 - (j + 0.5) * ratio) / ratio;
            const double weight = fmax(0, 1 - dy) * fmax(0, 1 - dx);
            sum += weight * (double)x[h * LARGE + w];
            all += weight;
        }
    return sum / all;
}

/* A network for small pictures on large ones: what it sees is resized first, its numbers
   are those of the small ones, and a file does not change them. */
static void pictures_are_resized_as_the_model_says(void **state)
{
    (void)state;
    error e = {0};
    const shape seen = shape_of(3, (int64_t)NARROW, (int64_t)NARROW, INT64_C(1));
    dataset *d = support_plain_data(
        PHOTOS, shape_of(3, (int64_t)LARGE, (int64_t)LARGE, INT64_C(1)));
    float *x = tensor_write_f32(d->input, &e);
    random_stream r = random_new(9, "photos", 0);
    random_fill_uniform(&r, x, tensor_count(d->input), -1, -0.5);
    d->target = tensor_share(d->input, &e);
    model *m = scaling_model(seen, 0.9);
    evaluation v, again;
    assert_int_equal(evaluate(m, d, SPLIT_TEST, 2, NULL, NULL, &v, NULL, &e), E_OK);
    const double whole = evaluation_get(&v, "mse"); /* it takes any size */
    m->input_transform = (transform){NARROW, NARROW, .kind = TRANSFORM_NORMALIZE};
    m->input_transform.channels = 1;
    m->input_transform.mean[0] = 0.5;
    m->input_transform.deviation[0] = 2;
    double sum = 0;
    for (int b = 0; b < PHOTOS; b++)
        for (int i = 0; i < NARROW * NARROW; i++) {
            const double y = small_pixel(x + b * LARGE * LARGE, i / NARROW, i % NARROW);
            sum += pow(0.1 * (y - 0.5) / 2, 2);
        }
    if (evaluate(m, d, SPLIT_TEST, 2, NULL, NULL, &v, NULL, &e))
        fail_msg("%s", e.text);
    sum /= PHOTOS * NARROW * NARROW;
    assert_true(fabs(evaluation_get(&v, "mse") - sum) < 1e-6 * sum && sum != whole);
    assert_true(fabs(evaluation_get(&v, "physical_mse") - 4 * sum) < 1e-5 * sum);
    char *path = file_temporary(".safetensors", &e);
    assert_int_equal(model_write(m, path, &e), E_OK);
    model *back = model_read(path, &e);
    assert_int_equal(evaluate(back, d, SPLIT_TEST, 2, NULL, NULL, &again, NULL, &e),
                     E_OK);
    for (int k = 0; k < v.count; k++)
        assert_true(v.value[k] == again.value[k]);
    unlink(path);
    memory_free(path);
    model_free(back);
    model_free(m);
    dataset_free(d);
}

/* Blocks have no size that could be changed, masks none that would fit. */
static void what_is_no_picture_is_not_resized(void **state)
{
    (void)state;
    error e = {0};
    dataset *d = support_plain_data(
        2, shape_of(4, INT64_C(8), INT64_C(8), INT64_C(8), INT64_C(1)));
    d->target = tensor_share(d->input, &e);
    model *m = scaling_model(dataset_input_shape(d), 1);
    m->input_transform = (transform){.height = 4, .width = 4};
    evaluation v;
    assert_int_equal(evaluate(m, d, SPLIT_TEST, 2, NULL, NULL, &v, NULL, &e), E_SHAPE);
    assert_non_null(strstr(e.text, "blocks"));
    model_free(m);
    dataset_free(d);
    d = support_plain_data(2, shape_of(3, INT64_C(8), INT64_C(8), INT64_C(1)));
    d->target = tensor_share(d->input, &e);
    d->mask = tensor_new(DTYPE_U8, tensor_shape(d->input), &e);
    m = scaling_model(shape_of(3, INT64_C(4), INT64_C(4), INT64_C(1)), 1);
    m->input_transform = (transform){.height = 4, .width = 4};
    assert_int_equal(evaluate(m, d, SPLIT_TEST, 2, NULL, NULL, &v, NULL, &e), E_SHAPE);
    assert_non_null(strstr(e.text, "masks"));
    model_free(m);
    dataset_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_resized_as_the_model_says),
        cmocka_unit_test(what_is_no_picture_is_not_resized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
