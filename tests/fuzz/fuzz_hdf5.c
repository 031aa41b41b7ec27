/* SPDX-License-Identifier: GPL-3.0-or-later
   fuzz_hdf5.c -- HDF5 files from strangers, thousands a second: one process reads one after
   the other as the reader's child does, and only when a file ends it another takes its
   place.  What ended it goes the whole way of the source `hdf5`, which must answer in
   words.  `fuzz_hdf5 FILE...` replays files; `fuzz_hdf5 --search SECONDS SEED FILE...`
   reads damaged mixtures of them. */
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/random.h"
#include "base/task.h"
#include "data/dataset.h"
#include "data/hdf5_parts.h"

#ifdef __SANITIZE_ADDRESS__
/* libhdf5 copies and reads beyond what damaged files gave it, and asks for more memory than
   there is: that is why a process of its own reads them, and may die of it.  Only what
   lathe does by itself is watched here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "replace_str=0:replace_intrin=0:intercept_strlen=0:intercept_strchr=0:"
           "intercept_strndup=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:"
           "handle_abort=0:allocator_may_return_null=1";
}
#endif

enum {
    FILES_MOST = 65536,
    BYTES_MOST = 1 << 16,  /* of an input */
    ANSWER_MOST = 1 << 20, /* of its numbers */
    ROOM = 1 << 26,        /* that a chunk may take */
    ROUND = 500,           /* inputs of one process, unless one ends it */
    SECONDS_MOST = 5,      /* of one input */
    BROKEN = 86            /* exit status: an answer that should not be */
};

static struct {
    uint8_t *bytes;
    size_t length;
} seeds[FILES_MOST];
static int seed_count;
static uint64_t search_seed; /* 0: files are replayed as they are */
static char path[64];        /* of the input, in memory */

/* What the process that reads tells the one that watches. */
static struct shared {
    volatile int64_t at; /* the input that is being read */
    volatile int64_t answered;
} * shared;

static void fail_setup(const char *what)
{
    fprintf(stderr, "fuzz_hdf5: %s\n", what);
    exit(1);
}

static void read_seed(const char *name)
{
    FILE *file = fopen(name, "rb");
    uint8_t *bytes = malloc(BYTES_MOST);
    if (!file || !bytes || seed_count == FILES_MOST)
        fail_setup(name);
    const size_t length = fread(bytes, 1, BYTES_MOST, file);
    if (ferror(file))
        fail_setup(name);
    fclose(file);
    uint8_t *exact = realloc(bytes, length ? length : 1);
    seeds[seed_count].bytes = exact ? exact : bytes;
    seeds[seed_count++].length = length;
}

/* ---- inputs ---- */

/* A number of 1 to 8 bytes that readers like to stumble over. */
static void put_number(random_stream *r, uint8_t *at, size_t room)
{
    static const uint64_t numbers[] = {0,          1,
                                       2,          7,
                                       0x7f,       0xff,
                                       0x7fff,     0xffff,
                                       1 << 20,    0x7fffffff,
                                       0xffffffff, UINT64_MAX,
                                       1ull << 62, (uint64_t)INT64_MAX};
    const size_t kinds = sizeof numbers / sizeof *numbers;
    uint64_t x = numbers[random_below(r, (int64_t)kinds)];
    size_t size = (size_t)1 << random_below(r, 4);
    if (random_below(r, 3) == 0)
        x = random_bits(r) & 0xffff;
    for (size_t i = 0; i < size && i < room; i++)
        at[i] = (uint8_t)(x >> 8 * i);
}

/* One damage to the LENGTH bytes at X; returns the new length. */
static size_t damage(random_stream *r, uint8_t *x, size_t length)
{
    if (length < 2)
        return length;
    const size_t at = (size_t)random_below(r, (int64_t)length), left = length - at;
    const size_t some = (size_t)random_below(r, 64) + 1;
    const size_t from = (size_t)random_below(r, (int64_t)length);
    switch (random_below(r, 8)) {
    case 0:
        x[at] ^= (uint8_t)(1 << random_below(r, 8));
        break;
    case 1:
        x[at] = (uint8_t)random_bits(r);
        break;
    case 2: /* a part of the file over another */
        memmove(x + at, x + from, some < left && some < length - from ? some : 1);
        break;
    case 3: { /* a part of another file */
        const int other = (int)random_below(r, seed_count);
        const size_t most = seeds[other].length > from ? seeds[other].length - from : 0;
        const size_t count = some < left ? some : left;
        memcpy(x + at, seeds[other].bytes + (most ? from : 0), count < most ? count : 0);
        break;
    }
    case 4:
        return random_below(r, 8) ? length : at + 1;
    default:
        put_number(r, x + at, left);
    }
    return length;
}

/* Input NUMBER into X, which has room for BYTES_MOST. */
static size_t make_input(int64_t number, uint8_t *x)
{
    random_stream r = random_new(search_seed, "input", (uint64_t)number);
    const int64_t which =
        search_seed ? random_below(&r, seed_count) : number % seed_count;
    size_t length = seeds[which].length;
    memcpy(x, seeds[which].bytes, length);
    for (int64_t n = search_seed ? random_below(&r, 6) + 1 : 0; n > 0; n--)
        length = damage(&r, x, length);
    return length;
}

static void put_input(int64_t number)
{
    static uint8_t bytes[BYTES_MOST];
    const size_t length = make_input(number, bytes);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0)
        fail_setup(path);
}

/* ---- the process that reads ---- */

static void expect(int answer, void *to, size_t length)
{
    if (read(answer, to, length) != (ssize_t)length)
        _exit(BROKEN);
}

/* Is what was said what hdf5_parts.h says will be? */
static void check_answer(int answer)
{
    static float numbers[HDF5_PIECE];
    hdf5_answer a;
    char more;
    lseek(answer, 0, SEEK_SET);
    expect(answer, &a, sizeof a);
    if (a.why.code != E_OK) {
        if (!a.why.text[0] || read(answer, &more, 1) != 0)
            _exit(BROKEN);
        return;
    }
    int64_t left = shape_count(a.shape);
    if (a.shape.rank < 1 || left < 0 || left > ANSWER_MOST / (int64_t)sizeof(float))
        _exit(BROKEN);
    while (left > 0) { /* a quarter of a piece at most: one has them all, or fails */
        int32_t told;
        expect(answer, &told, sizeof told);
        if (told != E_OK)
            break;
        expect(answer, numbers, (size_t)left * sizeof *numbers);
        left = 0;
    }
    if (read(answer, &more, 1) != 0)
        _exit(BROKEN);
    shared->answered += left == 0;
}

static void ask(int64_t number, int answer)
{
    random_stream r = random_new(search_seed, "question", (uint64_t)number);
    static const char *const paths[] = {"var_data", "x", "g/x", "/"};
    hdf5_box box = {.limited = (int)random_below(&r, 3) - 1,
                    .limit = random_below(&r, 4) + 1};
    if (random_below(&r, 2))
        box.start[0] = box.count[0] = 1;
    const hdf5_question q = {
        .file = path,
        .path = paths[random_below(&r, 8) % 4 * (random_below(&r, 4) == 0)],
        .rank = random_below(&r, 4) ? 0 : 5,
        .box = &box,
        .pipe = answer,
        .room = ROOM,
        .most = ANSWER_MOST,
    };
    if (ftruncate(answer, 0) != 0 || lseek(answer, 0, SEEK_SET) != 0)
        _exit(1);
    hdf5_answer_question(&q);
    check_answer(answer);
}

static void read_inputs(int64_t begin, int64_t end)
{
    const struct rlimit none = {0, 0};
    const int answer = memfd_create("answer", MFD_CLOEXEC);
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGALRM, SIG_DFL); /* go_whole_way has another use for it */
    if (answer < 0)
        _exit(1);
    for (int64_t i = begin; i < end; i++) {
        shared->at = i;
        put_input(i);
        alarm(SECONDS_MOST);
        ask(i, answer);
    }
    _exit(0);
}

/* ---- the process that watches ---- */

static volatile sig_atomic_t cancelled;

static void cancel(int number)
{
    (void)number;
    cancelled = 1;
}

/* The session's own way: a dataset that is sound, or a reason. */
static void go_whole_way(int64_t number)
{
    error e = {0}, why = {0};
    option_set set;
    const task watch = {.cancel = &cancelled};
    put_input(number);
    cancelled = 0;
    signal(SIGALRM, cancel);
    alarm(SECONDS_MOST);
    if (option_set_init(&set, source_hdf5.options, NULL, &e) != E_OK ||
        option_set_put(&set, "file", path, &e) != E_OK ||
        option_set_put(&set, "variable", "1", &e) != E_OK)
        fail_setup(e.text);
    dataset *d = source_hdf5.read(&set, 1, &watch, &e);
    alarm(0);
    option_set_clear(&set);
    assert(d || (e.code != E_OK && e.text[0]));
    assert(!d || dataset_check(d, &why) == E_OK);
    dataset_free(d);
}

typedef struct tally {
    int64_t done, crashed, hung;
    int failed;
} tally;

/* What ended the process at shared->at. */
static void judge(tally *t, int how)
{
    const int64_t at = shared->at;
    if (WIFEXITED(how)) { /* of itself: an answer was wrong, or a sanitizer spoke */
        char name[96];
        static uint8_t bytes[BYTES_MOST];
        const size_t length = make_input(at, bytes);
        snprintf(name, sizeof name, "fuzz-hdf5-%lld.h5", (long long)at);
        FILE *file = fopen(name, "wb");
        if (file) {
            fwrite(bytes, 1, length, file);
            fclose(file);
        }
        fprintf(stderr, "fuzz_hdf5: status %d at input %lld, kept as %s\n",
                WEXITSTATUS(how), (long long)at, name);
        t->failed = 1;
        return;
    }
    t->hung += WTERMSIG(how) == SIGALRM;
    t->crashed += WTERMSIG(how) != SIGALRM;
    go_whole_way(at);
}

static void run_round(tally *t, int64_t end)
{
    int how;
    const pid_t reader = fork();
    if (reader == 0)
        read_inputs(t->done, end);
    if (reader < 0 || waitpid(reader, &how, 0) != reader)
        fail_setup("no process");
    if (WIFEXITED(how) && WEXITSTATUS(how) == 0) {
        t->done = end;
        return;
    }
    judge(t, how);
    t->done = shared->at + 1;
}

int main(int count, char **words)
{
    const bool search = count > 4 && strcmp(words[1], "--search") == 0;
    tally t = {0};
    for (int i = search ? 4 : 1; i < count; i++)
        read_seed(words[i]);
    if (seed_count == 0)
        fail_setup("no files");
    search_seed = search ? strtoull(words[3], NULL, 10) : 0;
    snprintf(path, sizeof path, "%s/lathe-fuzz-hdf5-%ld",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        fail_setup("no shared memory");
    const double began = task_clock(), most = search ? strtod(words[2], NULL) : 0;
    while (search ? task_clock() - began < most : t.done < seed_count)
        run_round(&t,
                  search || t.done + ROUND < seed_count ? t.done + ROUND : seed_count);
    unlink(path);
    printf("%lld files %s, %lld with numbers; %lld crashed libhdf5, %lld made it hang\n",
           (long long)t.done, search ? "made" : "replayed", (long long)shared->answered,
           (long long)t.crashed, (long long)t.hung);
    return t.failed;
}
