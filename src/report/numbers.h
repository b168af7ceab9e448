#pragma once

#include <cstdint>
#include <string>

/// Numbers as text, the same in every locale.
namespace longspan::report {

/// Returns the fewest digits that read back to the same bits; "NaN" when not finite.
std::string exact(double value);
/// Returns a number with a fixed count of decimals.
std::string fixed(double value, int decimals);
/// Returns a perplexity with about four significant digits; "not finite" for NaN.
std::string perplexity(double value);
/// Returns nats with their sign and four decimals: "+0.0123".
std::string signed_nats(double value);
/// Returns a probability with two significant digits; "< 1e-9" below that.
std::string probability(double value);
/// Returns bytes as "512 MiB" or "1.9 GiB".
std::string byte_size(double bytes);
/// Returns a ratio with about three significant digits.
std::string ratio(double value);
/// Returns an integer in groups of three digits, set apart by a narrow space.
std::string grouped(std::int64_t value);
/// Returns a number with a fixed count of decimals, its whole part in groups.
std::string grouped(double value, int decimals);
/// Returns a measured count with three significant digits: 250, 50.0k, 1.52M.
std::string rounded(double value);
/// Returns a count short enough for an axis: 250, 50k, 1.5M.
std::string scaled(double value);
/// Returns seconds as "41 s", "12 min 5 s" or "3 h 20 min".
std::string duration(double seconds);

}  // namespace longspan::report
