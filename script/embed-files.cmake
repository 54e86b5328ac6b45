# Writes OUTPUT, a C file that holds every file of SOURCE_DIR as bytes, in order of name:
#   cmake -DOUTPUT=web_files.c -DSOURCE_DIR=web -P embed-files.cmake
file(GLOB names RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/*)
list(SORT names)

set(arrays "")
set(entries "")
set(index 0)
foreach(name ${names})
    file(READ ${SOURCE_DIR}/${name} hex HEX)
    file(SIZE ${SOURCE_DIR}/${name} size)
    # Lines of 20 bytes, so that compilers and people can cope with them.
    string(REGEX REPLACE "(........................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND arrays "static const unsigned char file_${index}[] = {\n${bytes}0x00 };\n\n")
    string(APPEND entries "    { \"${name}\", (const char *)file_${index}, ${size} },\n")
    math(EXPR index "${index} + 1")
endforeach()

file(WRITE ${OUTPUT} "/* Made by script/embed-files.cmake. */
#include \"web.h\"

${arrays}const struct tg_web_entry tg_web_entries[] = {
${entries}    { 0 },
};
")
