/* SPDX-License-Identifier: GPL-3.0-or-later
   arguments.c -- the options of the program.  It runs nothing. */
#include "ui/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/memory.h"

enum { EXIT_USAGE = 2, STANDARD_SEED = 1 };

static const char usage[] =
    "Usage: lathe [OPTION]... [FILE]...\n"
    "Make neural networks smaller and faster, and see what it costs.\n"
    "\n"
    "Without FILE and -c, start the prompt; where standard input is no terminal, or for\n"
    "the FILE '-', run the commands that stand there.\n"
    "\n"
    "  -c, --command=COMMANDS  run COMMANDS; files and commands run in their order\n"
    "  -i, --interactive       go on with the prompt afterwards\n"
    "      --screen            the whole terminal as a workbench, not the prompt\n"
    "      --keys=FILE         play the keys in FILE on the screen\n"
    "  -k, --keep-going        go on after an error in a script\n"
    "  -x, --echo              print the lines of scripts as they run\n"
    "  -q, --quiet             no greeting, no notes, no progress\n"
    "  -b, --batch             no prompt, no colour, no progress bar\n"
    "      --format=FORMAT     answers as text, csv, md, tex or json\n"
    "      --color=WHEN        auto, always or never\n"
    "      --seed=N            seed of what is drawn at random (default 1)\n"
    "      --threads=N         threads at work (default: all cores)\n"
    "      --db=FILE           database of runs, or none (default: runs.db in\n"
    "                          $XDG_STATE_HOME/lathe)\n"
    "  -C, --directory=DIR     change to DIR first\n"
    "      --complete=LINE     print what may complete LINE\n"
    "      --print-commands=FORM  print the manual of all commands, as man or json\n"
    "  -h, --help              print this help\n"
    "      --version           print the version\n"
    "\n"
    "Exit status: 0 done, 1 a command failed, 2 wrong options, 130 stopped by Ctrl-C.\n";

static const char version[] =
    "lathe " PACKAGE_VERSION "\n"
    "License GPLv3+: GNU GPL version 3 or later <https://gnu.org/licenses/gpl.html>.\n"
    "This is free software: you are free to change and redistribute it.\n"
    "There is NO WARRANTY, to the extent permitted by law.\n";

static int usage_error(const char *format, const char *words)
{
    fputs("lathe: ", stderr);
    fprintf(stderr, format, words);
    fputs("\nTry 'lathe --help' for more information.\n", stderr);
    return EXIT_USAGE;
}

int arguments_close_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    return code ? code : EXIT_FAILURE;
}

enum {
    OPT_FORMAT = 256,
    OPT_COLOUR,
    OPT_SEED,
    OPT_THREADS,
    OPT_DATABASE,
    OPT_COMPLETE,
    OPT_MANUAL,
    OPT_POINT,
    OPT_SCREEN,
    OPT_KEYS,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"command", required_argument, NULL, 'c'},
    {"interactive", no_argument, NULL, 'i'},
    {"keep-going", no_argument, NULL, 'k'},
    {"echo", no_argument, NULL, 'x'},
    {"quiet", no_argument, NULL, 'q'},
    {"batch", no_argument, NULL, 'b'},
    {"format", required_argument, NULL, OPT_FORMAT},
    {"color", required_argument, NULL, OPT_COLOUR},
    {"colour", required_argument, NULL, OPT_COLOUR},
    {"seed", required_argument, NULL, OPT_SEED},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"db", required_argument, NULL, OPT_DATABASE},
    {"directory", required_argument, NULL, 'C'},
    {"complete", required_argument, NULL, OPT_COMPLETE},
    {"print-commands", required_argument, NULL, OPT_MANUAL},
    {"sweep-point", required_argument, NULL, OPT_POINT},
    {"screen", no_argument, NULL, OPT_SCREEN},
    {"keys", required_argument, NULL, OPT_KEYS},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static int add_action(arguments *a, const char *words, bool is_command)
{
    error e = {0};
    if (memory_grow((void **)&a->actions, &a->action_capacity, a->action_count + 1,
                    sizeof(action), &e) != E_OK) {
        fprintf(stderr, "lathe: %s\n", e.text);
        return EXIT_FAILURE;
    }
    a->actions[a->action_count++] = (action){words, is_command};
    return -1;
}

static int take_number(const char *words, int64_t most, int64_t *number,
                       const char *wanted)
{
    if (text_to_integer(words, number) && *number >= 0 && *number <= most)
        return -1;
    return usage_error(wanted, words);
}

/* What LETTER asks for; an exit status, or -1 to go on. */
static int take_option(arguments *a, int letter, const char *words)
{
    switch (letter) {
    case 1: /* a file, among the options */
        return add_action(a, words, false);
    case 'c':
    case 'e':
        return add_action(a, words, true);
    case 'i':
        a->interactive = true;
        return -1;
    case 'k':
        a->keep_going = true;
        return -1;
    case 'x':
        a->echo = true;
        return -1;
    case 'q':
        a->quiet = true;
        return -1;
    case 'b':
        a->batch = true;
        return -1;
    case 'C':
        return chdir(words) == 0 ? -1 : usage_error("%s: no such folder", words);
    case OPT_FORMAT:
        return output_format_find(words, &a->format)
                   ? -1
                   : usage_error("--format=%s: want text, csv, md, tex or json", words);
    case OPT_COLOUR:
        return colour_choice_find(words, &a->colour)
                   ? -1
                   : usage_error("--color=%s: want auto, always or never", words);
    case OPT_SEED:
        a->seed_given = true;
        return take_number(words, INT64_MAX, &a->seed, "--seed=%s: want a number from 0");
    case OPT_THREADS:
        return take_number(words, 256, &a->threads, "--threads=%s: want 0 to 256");
    case OPT_DATABASE:
        a->database = words;
        return *words ? -1 : usage_error("--db=%s: want a file, or none", words);
    case OPT_COMPLETE:
        a->complete = words;
        return -1;
    case OPT_POINT:
        a->point = words;
        return -1;
    case OPT_KEYS:
        a->keys = words;
        a->screen = true;
        return -1;
    case OPT_SCREEN:
        a->screen = true;
        return -1;
    case OPT_MANUAL:
        a->manual = words;
        return text_equal(words, "man") || text_equal(words, "json")
                   ? -1
                   : usage_error("--print-commands=%s: want man or json", words);
    case 'h':
        fputs(usage, stdout);
        return arguments_close_output(EXIT_SUCCESS);
    case OPT_VERSION:
        fputs(version, stdout);
        return arguments_close_output(EXIT_SUCCESS);
    default: /* getopt has said what is wrong */
        fputs("Try 'lathe --help' for more information.\n", stderr);
        return EXIT_USAGE;
    }
}

int arguments_read(arguments *a, int count, char **words)
{
    int letter;
    *a = (arguments){.seed = STANDARD_SEED};
    while ((letter = getopt_long(count, words, "-c:e:ikxqbC:h", long_options, NULL)) !=
           -1) {
        int code = take_option(a, letter, optarg);
        if (code >= 0)
            return code;
    }
    for (; optind < count; optind++) /* behind "--" */
        if (add_action(a, words[optind], false) >= 0)
            return EXIT_FAILURE;
    return -1;
}

void arguments_clear(arguments *a)
{
    memory_free(a->actions);
    *a = (arguments){0};
}
