/*
 * fuzz — what each target of this folder is: one function that is given bytes.
 *
 * With clang's libFuzzer (tests/fuzz/run.sh) the bytes are made up; else
 * replay.c gives it the files of corpus/TARGET. A target aborts when a promise
 * of the code under it is broken.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#define FUZZ_MUST(is)                                                                              \
    do {                                                                                           \
        if (!(is)) {                                                                               \
            (void)fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #is);                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
