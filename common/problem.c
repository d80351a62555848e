#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

void problem_set(struct problem *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->what, sizeof p->what, format, args);
    va_end(args);
    p->remedy[0] = 0;
}

void problem_remedy(struct problem *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->remedy, sizeof p->remedy, format, args);
    va_end(args);
}
