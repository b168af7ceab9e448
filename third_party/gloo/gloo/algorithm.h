#pragma once
// Included by LibTorch's ProcessGroupGloo.hpp, which uses nothing of it.
