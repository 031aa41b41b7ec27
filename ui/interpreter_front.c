/* SPDX-License-Identifier: GPL-3.0-or-later
   interpreter_front.c -- the interpreter and whoever sits before it: questions, wishes of
   commands to those who read lines, what the terminal can show, news.  It runs no command. */
#include <stdio.h>
#include <unistd.h>
#include "ui/interpreter_parts.h"

void interpreter_set_front(interpreter *i, const front *f)
{
    i->front = f;
}

const front *interpreter_front(const interpreter *i)
{
    return i->front;
}

void interpreter_wish_screen(interpreter *i)
{
    i->wants_screen = true;
}

bool interpreter_takes_screen(interpreter *i)
{
    bool wish = i->wants_screen;
    i->wants_screen = false;
    return wish;
}

status interpreter_wish_lines(interpreter *i, const char *lines, error *e)
{
    text_clear(&i->wanted);
    text_add(&i->wanted, lines);
    return text_ok(&i->wanted, e);
}

bool interpreter_takes_lines(interpreter *i, text *lines)
{
    *lines = i->wanted;
    i->wanted = (text){0};
    return lines->length > 0;
}

bool interpreter_is_watched(const interpreter *i)
{
    return i->settings.interactive && i->depth == 0 && !i->front &&
           isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

const graphics_terminal *interpreter_graphics(interpreter *i)
{
    if (!i->asked && interpreter_is_watched(i)) {
        fflush(stdout);
        i->asked = graphics_ask(STDIN_FILENO, STDOUT_FILENO, &i->graphics, &i->typed);
    }
    return &i->graphics;
}

bool interpreter_takes_typed(interpreter *i, text *typed)
{
    *typed = i->typed;
    i->typed = (text){0};
    return typed->length > 0;
}

bool interpreter_can_ask(const interpreter *i)
{
    return i->settings.interactive && i->depth == 0 && i->captures == 0 &&
           (i->front || isatty(STDIN_FILENO));
}

bool interpreter_confirm(interpreter *i, const char *question)
{
    if (!interpreter_can_ask(i))
        return false;
    fflush(stdout);
    if (i->front)
        return i->front->confirm(i->front->context, question);
    fprintf(stderr, "%s [y/n] ", question);
    fflush(stderr);
    /* Byte by byte, past stdio: what is typed behind the answer is the prompt's. */
    char answer = '\0', byte;
    ssize_t got;
    while ((got = read(STDIN_FILENO, &byte, 1)) == 1 && byte != '\n')
        answer = answer ? answer : byte;
    if (got != 1)
        fputc('\n', stderr);
    return got == 1 && (answer == 'y' || answer == 'Y');
}

void interpreter_tell_row(const interpreter *i, const call *c)
{
    if (i && i->front && i->running)
        i->front->row(i->front->context, i->running->command->name, c);
}

void interpreter_tell_weights(const interpreter *i, const char *name, const model *m)
{
    if (i && i->front)
        i->front->weights(i->front->context, name, m);
}
