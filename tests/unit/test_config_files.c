/* The configurations that come with the program load without warnings (config/). Then tests/config: every
 * good.*.json must load, every bad.*.json must give the errors, and every warn.*.json the warnings, of the .txt file beside
 * it. The folder is the first argument, or the working folder. */
#include "tidegate/config.h"

#include <glob.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void read_whole(const char *name, struct tg_buffer *out)
{
    FILE *file = fopen(name, "rb");
    char piece[4096];
    size_t got;
    if (!file)
        fail_msg("%s is missing", name);
    while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
        assert_int_equal(tg_buffer_append(out, piece, got), TG_OK);
    fclose(file);
}

static void assert_files_load(const char *pattern, bool may_have_warnings)
{
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct tg_config *config = NULL;
        struct tg_buffer errors = { 0 };
        if (tg_config_load(found.gl_pathv[i], &config, &errors))
            fail_msg("%s", errors.data);
        assert_int_equal(errors.length, 0);
        if (config->warnings && !may_have_warnings)
            fail_msg("%s", config->warnings[0]);
        assert_string_equal(config->source, found.gl_pathv[i]);
        tg_config_free(config);
    }
    globfree(&found);
}

static void good_files_load(void **state)
{
    (void)state;
    assert_files_load("good.*.json", true);
}

static void files_that_come_with_the_program_load(void **state)
{
    (void)state;
    assert_files_load("../../config/[!t]*.json", false); /* not tidegate.schema.json */
    assert_files_load("../../config/recipes/*.json", false);
}

static void bad_files_give_the_expected_messages(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("bad.*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct tg_config *config = NULL;
        struct tg_buffer errors = { 0 }, expected = { 0 };
        char *text_name = tg_strdup(found.gl_pathv[i]);
        strcpy(strstr(text_name, ".json"), ".txt");
        read_whole(text_name, &expected);
        assert_int_equal(tg_config_load(found.gl_pathv[i], &config, &errors), TG_ERR_INVALID);
        assert_null(config);
        assert_string_equal(errors.data, expected.data);
        assert_null(strstr(errors.data, "t0ken"));
        assert_null(strstr(errors.data, "s3cret"));
        tg_buffer_deinit(&errors);
        tg_buffer_deinit(&expected);
        free(text_name);
    }
    globfree(&found);
}

static void assert_warnings(char *const *warnings, const char *expected)
{
    struct tg_buffer lines = { 0 };
    for (size_t i = 0; warnings && warnings[i]; i++)
        tg_buffer_appendf(&lines, "%s\n", warnings[i]);
    assert_string_equal(tg_text_or_empty(lines.data), expected);
    tg_buffer_deinit(&lines);
}

static void warn_files_load_with_the_expected_warnings(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("warn.*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct tg_config *config = NULL;
        struct tg_buffer errors = { 0 }, expected = { 0 };
        char *text_name = tg_strdup(found.gl_pathv[i]);
        strcpy(strstr(text_name, ".json"), ".txt");
        read_whole(text_name, &expected);
        if (tg_config_load(found.gl_pathv[i], &config, &errors))
            fail_msg("%s", errors.data);
        assert_warnings(config->warnings, expected.data);
        tg_config_free(config);
        tg_buffer_deinit(&expected);
        free(text_name);
    }
    globfree(&found);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_load),
        cmocka_unit_test(files_that_come_with_the_program_load),
        cmocka_unit_test(bad_files_give_the_expected_messages),
        cmocka_unit_test(warn_files_load_with_the_expected_warnings),
    };
    if (argc > 1 && chdir(argv[1]) != 0) {
        perror(argv[1]);
        return 1;
    }
    setenv("FEED_TOKEN", "t0ken", 1);
    setenv("BOT_TOKEN", "1:a", 1);
    setenv("FEED_URL", "ws://127.0.0.1:9000/feed", 1);
    unsetenv("TIDEGATE_TEST_UNSET");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
