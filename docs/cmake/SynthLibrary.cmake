# Builds a static library directly or through WebAssembly and synth: one target, one path, one header.
#
#   synth_add_library(NAME
#     SOURCES file.c…            C sources
#     RUST file.rs…              Rust crates of one file each (no_std)
#     EXPORTS function…          what consumers call
#     IMPORTS function…          what the library calls of its host
#     INCLUDES folder…           where headers are
#     OPTIONS option…            for the C compiler, in both builds
#     SYNTH_OPTIONS option…)     for `synth compile`, such as --bounds mpu
#
# -D<NAME>_USE_SYNTH=ON builds it through synth (default: OFF, with the project's own compiler). Then
# -D<NAME>_SYNTH_STAGES=LIST says which optional stages run: wasm-opt, synth-optimize, or none; those that are named must
# be there. The default, auto, runs synth-optimize, and wasm-opt if it is found. What ran is in NAME.manifest.json in the build folder.
# Tools may be given: -DSYNTH=, -DSYNTH_CLANG=, -DSYNTH_WASM_LD=, -DSYNTH_WASM_OPT=, -DSYNTH_RUSTC=. The core is -DSYNTH_TARGET=.

set(SYNTH_TARGET cortex-m4 CACHE STRING "Core: cortex-m3, cortex-m4 or cortex-m7")
set(SYNTH_STAGE_SCRIPT "${CMAKE_CURRENT_LIST_DIR}/synth-stage.sh")
set(SYNTH_STAGES_KNOWN wasm-opt synth-optimize)

# Finds a tool that is needed, or says who needs it and what to do.
function(synth_tool variable purpose remedy)
  find_program(${variable} NAMES ${ARGN})
  if(NOT ${variable})
    list(JOIN ARGN " or " names)
    message(FATAL_ERROR "${purpose}, but ${names} was not found. Give -D${variable}=/path/to/it, ${remedy}.")
  endif()
  if(NOT EXISTS "${${variable}}")
    message(FATAL_ERROR "${purpose}, but ${variable} is ${${variable}}, which does not exist. Give another path, ${remedy}.")
  endif()
endfunction()

# The optional stages of a library, as a list.
function(synth_stages name option_prefix result)
  set(stages "${${option_prefix}_SYNTH_STAGES}")
  if(stages STREQUAL "auto")
    find_program(SYNTH_WASM_OPT NAMES wasm-opt)
    set(stages synth-optimize)
    if(SYNTH_WASM_OPT)
      list(PREPEND stages wasm-opt)
    else()
      message(STATUS "${name}: wasm-opt was not found, so it does not run; its manifest says so")
    endif()
  elseif(stages STREQUAL "none")
    set(stages "")
  endif()
  foreach(stage IN LISTS stages)
    if(NOT stage IN_LIST SYNTH_STAGES_KNOWN)
      list(JOIN SYNTH_STAGES_KNOWN ", " known)
      message(FATAL_ERROR "${option_prefix}_SYNTH_STAGES names a stage ${stage}, which there is not. There are: ${known}; or auto, or none.")
    endif()
  endforeach()
  if("wasm-opt" IN_LIST stages)
    synth_tool(SYNTH_WASM_OPT "${option_prefix}_SYNTH_STAGES names wasm-opt" "or leave the stage out" wasm-opt)
  endif()
  set(${result} "${stages}" PARENT_SCOPE)
endfunction()

# Compiles a Rust crate to a WebAssembly object (`obj`) or to LLVM bitcode (`llvm-bc`).
function(synth_rust source kind output)
  add_custom_command(OUTPUT "${output}" DEPENDS "${source}" VERBATIM
    COMMAND "${SYNTH_RUSTC}" --edition 2021 --target wasm32-unknown-unknown --crate-type=lib -C opt-level=2 -C panic=abort
      -C codegen-units=1 --emit=${kind} -o "${output}" "${source}")
endfunction()

function(synth_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "SOURCES;RUST;EXPORTS;IMPORTS;INCLUDES;OPTIONS;SYNTH_OPTIONS")
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "synth_add_library(${name}): ${ARG_UNPARSED_ARGUMENTS} follows no keyword.")
  endif()
  if(NOT ARG_EXPORTS)
    message(FATAL_ERROR "synth_add_library(${name}): EXPORTS is missing: the functions that consumers call.")
  endif()
  string(TOUPPER "${name}" upper)
  string(MAKE_C_IDENTIFIER "${upper}" upper)
  option(${upper}_USE_SYNTH "Build ${name} through WebAssembly and synth" OFF)
  set(${upper}_SYNTH_STAGES auto CACHE STRING "Optional stages of ${name}: auto, none, or a list of ${SYNTH_STAGES_KNOWN}")
  foreach(list SOURCES RUST INCLUDES)
    list(TRANSFORM ARG_${list} PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/" REGEX "^[^/]")
  endforeach()
  set(remedy "or configure with -D${upper}_USE_SYNTH=OFF")
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/${name}.synth")
  file(MAKE_DIRECTORY "${folder}")
  if(ARG_RUST)
    # Debian's compiler has a library for WebAssembly; others may come without.
    synth_tool(SYNTH_RUSTC "${name} has sources in Rust" "or leave them out" rustc)
  endif()
  if(${upper}_USE_SYNTH)
    synth_through_wasm()
  else()
    synth_directly()
  endif()
  target_include_directories(${name} PUBLIC ${ARG_INCLUDES})
endfunction()

# The project's own compiler for C. Rust has no library for this target in Debian: its bitcode goes through clang.
macro(synth_directly)
  set(objects "")
  if(ARG_RUST)
    synth_tool(SYNTH_CLANG "${name} has sources in Rust" "or leave them out" clang-19 clang)
  endif()
  foreach(source IN LISTS ARG_RUST)
    get_filename_component(stem "${source}" NAME_WE)
    synth_rust("${source}" llvm-bc "${folder}/${stem}.bc")
    add_custom_command(OUTPUT "${folder}/${stem}.o" DEPENDS "${folder}/${stem}.bc" VERBATIM
      COMMAND "${SYNTH_CLANG}" --target=arm-none-eabi -mcpu=${SYNTH_TARGET} -mthumb -mfloat-abi=soft -O2
        -ffunction-sections -Wno-override-module -c "${folder}/${stem}.bc" -o "${folder}/${stem}.o")
    list(APPEND objects "${folder}/${stem}.o")
  endforeach()
  add_library(${name} STATIC ${ARG_SOURCES} ${objects})
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
endmacro()

macro(synth_through_wasm)
  synth_tool(SYNTH "${upper}_USE_SYNTH is ON" "${remedy}" synth)
  synth_tool(SYNTH_CLANG "${upper}_USE_SYNTH is ON" "${remedy}" clang-19 clang)
  synth_tool(SYNTH_WASM_LD "${upper}_USE_SYNTH is ON" "${remedy}" wasm-ld-19 wasm-ld)
  synth_stages(${name} ${upper} stages)
  set(records "")
  set(objects "")
  # A stage: its name, its output, its inputs, then `--` and the command. Sources are compiled to objects…
  set(includes "${ARG_INCLUDES}")
  list(TRANSFORM includes PREPEND "-I")
  foreach(source IN LISTS ARG_SOURCES)
    get_filename_component(stem "${source}" NAME_WE)
    set(object "${folder}/${stem}.wasm.o")
    add_custom_command(OUTPUT "${object}" "${object}.json" DEPENDS "${source}" DEPFILE "${object}.d" VERBATIM
      COMMAND "${SYNTH_STAGE_SCRIPT}" run "${object}.json" compile "${object}" "${source}" --
        "${SYNTH_CLANG}" --target=wasm32 -O2 -nostdlib -ffreestanding ${includes} ${ARG_OPTIONS}
        -MD -MF "${object}.d" -MT "${object}" -c "${source}" -o "${object}")
    list(APPEND objects "${object}")
    list(APPEND records "${object}.json")
  endforeach()
  foreach(source IN LISTS ARG_RUST)
    get_filename_component(stem "${source}" NAME_WE)
    set(object "${folder}/${stem}.wasm.o")
    add_custom_command(OUTPUT "${object}" "${object}.json" DEPENDS "${source}" VERBATIM
      COMMAND "${SYNTH_STAGE_SCRIPT}" run "${object}.json" compile "${object}" "${source}" --
        "${SYNTH_RUSTC}" --edition 2021 --target wasm32-unknown-unknown --crate-type=lib -C opt-level=2 -C panic=abort
        -C codegen-units=1 --emit=obj -o "${object}" "${source}")
    list(APPEND objects "${object}")
    list(APPEND records "${object}.json")
  endforeach()
  set(libraries "")
  if(ARG_RUST)
    # What crates need of the core library; the linker takes only that.
    execute_process(COMMAND "${SYNTH_RUSTC}" --print sysroot
      RESULT_VARIABLE failed OUTPUT_VARIABLE sysroot OUTPUT_STRIP_TRAILING_WHITESPACE)
    set(library_folder "${sysroot}/lib/rustlib/wasm32-unknown-unknown/lib")
    file(GLOB libraries "${library_folder}/libcore-*.rlib" "${library_folder}/libcompiler_builtins-*.rlib")
    if(failed OR NOT libraries)
      message(FATAL_ERROR "${name} has sources in Rust, but ${SYNTH_RUSTC} has no library for wasm32-unknown-unknown in ${library_folder}. "
        "Install it (Debian: libstd-rust-dev-wasm32, with -DSYNTH_RUSTC=/usr/bin/rustc), ${remedy}.")
    endif()
  endif()
  # …linked to a module, whose imports are exactly those that were named…
  list(JOIN ARG_IMPORTS "\n" imports)
  file(CONFIGURE OUTPUT "${folder}/imports" CONTENT "${imports}\n" @ONLY)
  set(exports "${ARG_EXPORTS}")
  list(TRANSFORM exports PREPEND "--export=")
  set(module "${folder}/${name}.wasm")
  add_custom_command(OUTPUT "${module}" "${module}.json" DEPENDS ${objects} "${folder}/imports" VERBATIM
    COMMAND "${SYNTH_STAGE_SCRIPT}" run "${module}.json" link "${module}" ${objects} ${libraries} --
      "${SYNTH_WASM_LD}" --no-entry --stack-first -z stack-size=1024 "--allow-undefined-file=${folder}/imports" ${exports}
      ${objects} ${libraries} -o "${module}")
  list(APPEND records "${module}.json")
  # …made smaller by the optional stages…
  set(wasm-opt_command "${SYNTH_WASM_OPT}" -O2)
  set(synth-optimize_command "${SYNTH}" optimize)
  foreach(stage IN LISTS SYNTH_STAGES_KNOWN)
    set(after "${folder}/${name}.${stage}.wasm")
    if(stage IN_LIST stages)
      add_custom_command(OUTPUT "${after}" "${after}.json" DEPENDS "${module}" VERBATIM
        COMMAND "${SYNTH_STAGE_SCRIPT}" run "${after}.json" ${stage} "${after}" "${module}" --
          ${${stage}_command} "${module}" -o "${after}")
      set(module "${after}")
    else()
      set(reason "left out by ${upper}_SYNTH_STAGES")
      if("${${upper}_SYNTH_STAGES}" STREQUAL "auto")
        set(reason "not found")
      endif()
      add_custom_command(OUTPUT "${after}.json" VERBATIM
        COMMAND "${SYNTH_STAGE_SCRIPT}" skip "${after}.json" ${stage} "${reason}")
    endif()
    list(APPEND records "${after}.json")
  endforeach()
  # …compiled and proved. Nothing is written unless all is proved.
  set(object "${folder}/${name}.o")
  add_custom_command(OUTPUT "${object}" "${object}.json" DEPENDS "${module}" VERBATIM
    COMMAND "${SYNTH_STAGE_SCRIPT}" run "${object}.json" synth-compile "${object}" "${module}" --
      "${SYNTH}" compile --validate --target ${SYNTH_TARGET} --private-data ${ARG_SYNTH_OPTIONS}
      --certificate "${folder}/certificate" "${module}" -o "${object}")
  list(APPEND records "${object}.json")
  set(manifest "${CMAKE_CURRENT_BINARY_DIR}/${name}.manifest.json")
  add_custom_command(OUTPUT "${manifest}" DEPENDS ${records} VERBATIM
    COMMAND "${SYNTH_STAGE_SCRIPT}" manifest "${manifest}" "${name}" ${records})
  # The project's archiver makes the library from the object, where it makes it in the direct build.
  add_library(${name} STATIC "${object}" "${manifest}")
  set_source_files_properties("${object}" PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)
endmacro()
