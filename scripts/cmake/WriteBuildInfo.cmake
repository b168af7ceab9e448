cmake_minimum_required(VERSION 3.25)
set(commit "unknown")
# Told its folder, git neither takes the repository around an unpacked archive for ours, nor one that a hook's environment
# names, nor refuses a folder of another user.
if(GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=GIT_INDEX_FILE
    ${GIT} -C ${SOURCE} --git-dir=${SOURCE}/.git --work-tree=${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(commit "unknown")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT
"#pragma once
namespace longspan::build_info {
inline constexpr char kVersion[] = \"@VERSION@\";
inline constexpr char kCommit[] = \"@commit@\";
inline constexpr char kLibTorch[] = \"@LIBTORCH@\";
inline constexpr char kSentencePiece[] = \"@SENTENCEPIECE@\";
inline constexpr char kCuda[] = \"@CUDA@\";
inline constexpr char kNccl[] = \"@NCCL@\";
inline constexpr char kBackends[] = \"@BACKENDS@\";
}  // namespace longspan::build_info
")
