#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace longspan {

/// Maps a whole file for reading. The mapping lives as long as the object. Touching bytes that the
/// disk does not give ends the process, so load() those first whose disk may fail.
class MappedFile {
 public:
  /// @throws Error(Io) when the file cannot be opened or mapped
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  /// Returns the bytes; page-aligned at its start.
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Brings bytes [begin, begin + count) into memory. Before Linux 5.14 it does nothing.
  /// @throws Error(Io) when the disk fails or the file was cut short since it was opened
  void load(std::size_t begin, std::size_t count) const;
  /// Returns the bytes as text.
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Reads a file in sequence.
class FileReader {
 public:
  /// @throws Error(Io) when the file cannot be opened
  explicit FileReader(std::filesystem::path path);
  ~FileReader();
  FileReader(FileReader&& other) noexcept;
  FileReader& operator=(FileReader&&) = delete;

  /// Fills the buffer, short of it only at the file's end. @return the bytes read  @throws
  /// Error(Io)
  std::size_t read(std::span<char> buffer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Writes a file in sequence. Every failed call throws; nothing is buffered past flush(). Destroyed
/// with neither flush() nor close_durably(), it drops what is buffered.
class FileWriter {
 public:
  enum class Mode { Truncate, Append };
  /// @throws Error(Io) when the file cannot be opened
  explicit FileWriter(std::filesystem::path path, Mode mode = Mode::Truncate);
  ~FileWriter();
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&&) = delete;

  void write(std::string_view text);
  void write(std::span<const std::byte> bytes);
  /// Hands what is buffered to the operating system.
  void flush();
  /// Returns whether the path no longer leads to the open file: someone removed, moved or replaced
  /// it, and what is written is lost.
  bool is_lost() const;
  /// flush(), then waits until the disk has it, then closes.
  void close_durably();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Returns a file's content. @throws Error(Io)
std::string read_file(const std::filesystem::path& path);
/// Replaces path by content: written to a temporary name, flushed to disk, renamed. @throws
/// Error(Io)
void write_file_durably(const std::filesystem::path& path, std::string_view content);
/// Makes a folder and its parents. @throws Error(Io) when that fails or path is no folder
void make_folder(const std::filesystem::path& path);
/// Waits until the entries of a folder are on disk.
void sync_folder(const std::filesystem::path& path);

/// A folder that comes into being whole: fill path(), then commit() syncs and renames it to its
/// final name. Without commit() the destructor removes it.
class StagedFolder {
 public:
  /// @param final_path must not exist when commit() is called, unless replace is asked for there
  explicit StagedFolder(std::filesystem::path final_path);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  /// Returns the final path with ".staged" behind it.
  const std::filesystem::path& path() const { return staged_; }
  /// Syncs every file in the folder and the folder itself, renames, syncs the parent. A folder that
  /// is already at the final name is replaced.
  void commit();

 private:
  std::filesystem::path final_;
  std::filesystem::path staged_;
  int descriptor_ = -1;
  bool committed_ = false;
};

/// Holds an exclusive lock on a file until destroyed; the lock dies with the process.
class FileLock {
 public:
  /// @throws Error(Config) when another process holds it; @throws Error(Io) when it cannot be made
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace longspan
