/* The progress file: who writes a slot is seen by whoever else maps the file. */
#include "common/progress.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "progress-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void a_file_that_is_too_short_is_refused(void **state)
{
    (void)state;
    assert_int_equal(truncate(path, 4095), 0);
    assert_null(bench_progress_open(path));
    assert_int_equal(errno, EINVAL);
}

static void a_file_that_is_not_there_is_refused(void **state)
{
    (void)state;
    assert_null(bench_progress_open("no-such-folder/progress"));
    assert_int_equal(errno, ENOENT);
}

static void a_file_of_zeros_is_at_zero(void **state)
{
    (void)state;
    assert_int_equal(truncate(path, 4096), 0);
    struct bench_progress *progress = bench_progress_open(path);
    assert_non_null(progress);
    assert_int_equal(bench_progress_least(progress), 0);
}

static void the_least_used_slot_counts(void **state)
{
    (void)state;
    struct bench_progress *writer = bench_progress_open(path), *reader = bench_progress_open(path);
    assert_non_null(writer);
    assert_non_null(reader);
    for (int i = 0; i < BENCH_PROGRESS_SLOTS; i++)
        atomic_store(&writer->slots[i].seq, BENCH_PROGRESS_UNUSED);
    assert_true(bench_progress_least(reader) == BENCH_PROGRESS_UNUSED);
    atomic_store(&writer->slots[63].seq, 17);
    assert_int_equal(bench_progress_least(reader), 17);
    atomic_store(&writer->slots[0].seq, 5);
    assert_int_equal(bench_progress_least(reader), 5);
    atomic_store(&writer->slots[0].seq, 18);
    assert_int_equal(bench_progress_least(reader), 17);
}

static void slots_lie_64_bytes_apart(void **state)
{
    (void)state;
    struct bench_progress *progress = bench_progress_open(path);
    atomic_store(&progress->slots[2].seq, 0x0102030405060708);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint64_t seq = 0;
    assert_int_equal(fseek(file, 128, SEEK_SET), 0);
    assert_int_equal(fread(&seq, sizeof(seq), 1, file), 1);
    fclose(file);
    assert_true(seq == 0x0102030405060708);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_that_is_too_short_is_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_refused),
        cmocka_unit_test(a_file_of_zeros_is_at_zero),
        cmocka_unit_test(the_least_used_slot_counts),
        cmocka_unit_test(slots_lie_64_bytes_apart),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
