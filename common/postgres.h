/* libpq, loaded when the first PostgreSQL store is opened: a program without one neither needs nor maps it.
 */
#ifndef WIRELAB_POSTGRES_H
#define WIRELAB_POSTGRES_H

#include "problem.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* What we call of it: each becomes a member of struct postgres. */
#define POSTGRES_FUNCTIONS(F)                                                                                \
    F(PQconnectdbParams)                                                                                     \
    F(PQfinish)                                                                                              \
    F(PQstatus)                                                                                              \
    F(PQerrorMessage)                                                                                        \
    F(PQbackendPID)                                                                                          \
    F(PQexec)                                                                                                \
    F(PQexecPrepared)                                                                                        \
    F(PQprepare)                                                                                             \
    F(PQsendQueryPrepared)                                                                                   \
    F(PQenterPipelineMode)                                                                                   \
    F(PQexitPipelineMode)                                                                                    \
    F(PQpipelineSync)                                                                                        \
    F(PQsendFlushRequest)                                                                                    \
    F(PQflush)                                                                                               \
    F(PQsocket)                                                                                              \
    F(PQtransactionStatus)                                                                                   \
    F(PQgetResult)                                                                                           \
    F(PQresultStatus)                                                                                        \
    F(PQresultErrorMessage)                                                                                  \
    F(PQcmdTuples)                                                                                           \
    F(PQntuples)                                                                                             \
    F(PQgetvalue)                                                                                            \
    F(PQgetlength)                                                                                           \
    F(PQgetisnull)                                                                                           \
    F(PQclear)                                                                                               \
    F(PQconsumeInput)                                                                                        \
    F(PQnotifies)                                                                                            \
    F(PQfreemem)

struct postgres {
#define MEMBER(name) __typeof__(name) *name;
    POSTGRES_FUNCTIONS(MEMBER)
#undef MEMBER
};

/* The library, for as long as the process lives. NULL: it is not there, and *p says so. */
const struct postgres *postgres_load(struct problem *p);

#endif
