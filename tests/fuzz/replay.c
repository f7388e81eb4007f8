/*
 * replay — gives a target each file of the folders that are named, and how many there were.
 *
 * Stands in for libFuzzer, so that what was found once is tried with every compiler.
 */
#include <dirent.h>
#include <string.h>

#include "fuzz/fuzz.h"

enum { REPLAY_BYTES_MAX = 4 * 1024 * 1024, REPLAY_PATH_MAX = 4096 };

static void
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(REPLAY_BYTES_MAX);
    uint8_t *exact;
    size_t count;

    FUZZ_MUST(file != NULL && bytes != NULL);
    count = fread(bytes, 1, REPLAY_BYTES_MAX, file);
    FUZZ_MUST(!ferror(file));
    /* Exactly as large, so that AddressSanitizer sees a look beyond. */
    exact = malloc(count == 0 ? 1 : count);
    FUZZ_MUST(exact != NULL);
    memcpy(exact, bytes, count);
    (void)LLVMFuzzerTestOneInput(exact, count);
    free(exact);
    free(bytes);
    (void)fclose(file);
}

int
main(int argc, char **argv)
{
    int files = 0;

    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        const struct dirent *entry;

        if (folder == NULL) {
            (void)fprintf(stderr, "no folder \"%s\"\n", argv[i]);
            return EXIT_FAILURE;
        }
        while ((entry = readdir(folder)) != NULL) {
            char path[REPLAY_PATH_MAX];

            if (entry->d_name[0] == '.')
                continue;
            (void)snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
            (void)fprintf(stderr, "%s\n", path); /* the last one is what it fell over */
            replay_file(path);
            files++;
        }
        (void)closedir(folder);
    }
    (void)printf("%d inputs\n", files);
    return files > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
