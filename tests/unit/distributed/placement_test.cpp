// What launchers put into the environment.

#include "longspan/distributed/placement.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <map>

#include "longspan/core/error.h"

namespace longspan {
namespace {

using Catch::Matchers::ContainsSubstring;
using Variables = std::map<std::string, std::string>;

std::optional<Placement> find(const Variables& variables) {
  return find_placement([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST_CASE("without a launcher there is no placement") {
  CHECK_FALSE(find({}).has_value());
  // A shell inside a Slurm allocation, or its batch script, is no step of ranks.
  CHECK_FALSE(find({{"SLURM_JOB_ID", "7"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}));
}

TEST_CASE("torchrun's variables are read") {
  const auto placement = find({{"RANK", "3"},
                               {"WORLD_SIZE", "4"},
                               {"LOCAL_RANK", "1"},
                               {"LOCAL_WORLD_SIZE", "2"},
                               {"MASTER_ADDR", "10.0.0.1"},
                               {"MASTER_PORT", "29500"},
                               {"TORCHELASTIC_USE_AGENT_STORE", "True"},
                               {"TORCHELASTIC_RESTART_COUNT", "2"}});
  REQUIRE(placement);
  CHECK(placement->rank == 3);
  CHECK(placement->world_size == 4);
  CHECK(placement->local_rank == 1);
  CHECK(placement->local_world_size == 2);
  CHECK(placement->address == "10.0.0.1");
  CHECK(placement->port == 29500);
  CHECK(placement->launcher_keeps_store);
  CHECK(placement->attempt.empty());
}

TEST_CASE("a rank that is alone needs no address and no port") {
  for (const auto& variables : {Variables{{"RANK", "0"}, {"WORLD_SIZE", "1"}},
                                Variables{{"PMI_RANK", "0"}, {"PMI_SIZE", "1"}},
                                Variables{{"OMPI_COMM_WORLD_RANK", "0"},
                                          {"OMPI_COMM_WORLD_SIZE", "1"},
                                          {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
                                          {"OMPI_COMM_WORLD_LOCAL_SIZE", "1"}},
                                Variables{{"SLURM_STEP_ID", "0"},
                                          {"SLURM_PROCID", "0"},
                                          {"SLURM_LOCALID", "0"},
                                          {"SLURM_STEP_NUM_TASKS", "1"}}}) {
    const auto placement = find(variables);
    REQUIRE(placement);
    CHECK(placement->rank == 0);
    CHECK(placement->world_size == 1);
  }
  CHECK_THROWS_WITH(find({{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"MASTER_PORT", "70000"}}),
                    ContainsSubstring("from 1 to 65535"));
}

TEST_CASE("a Slurm step's variables are read") {
  Variables variables{{"SLURM_STEP_ID", "1"},
                      {"SLURM_JOB_ID", "42"},
                      {"SLURM_PROCID", "5"},
                      {"SLURM_LOCALID", "1"},
                      {"SLURM_NODEID", "2"},
                      {"SLURM_STEP_NUM_TASKS", "6"},
                      {"SLURM_STEP_TASKS_PER_NODE", "2(x2),3"},
                      {"SLURM_STEP_NODELIST", "gpu[07-09]"}};
  const auto placement = find(variables);
  REQUIRE(placement);
  CHECK(placement->rank == 5);
  CHECK(placement->world_size == 6);
  CHECK(placement->local_world_size == 3);
  CHECK(placement->address == "gpu07");
  CHECK_FALSE(placement->launcher_keeps_store);
  // Every rank of a step derives one port, another step another.
  variables["SLURM_PROCID"] = "0";
  CHECK(find(variables)->port == placement->port);
  variables["SLURM_STEP_ID"] = "2";
  CHECK(find(variables)->port != placement->port);
  variables["MASTER_PORT"] = "1234";
  variables["MASTER_ADDR"] = "head";
  CHECK(find(variables)->port == 1234);
  CHECK(find(variables)->address == "head");
}

TEST_CASE("Open MPI's and Hydra's variables are read") {
  Variables open_mpi{{"OMPI_COMM_WORLD_RANK", "1"},
                     {"OMPI_COMM_WORLD_SIZE", "2"},
                     {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                     {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                     {"PMIX_NAMESPACE", "123"}};
  CHECK(find(open_mpi)->rank == 1);
  CHECK(find(open_mpi)->address == "127.0.0.1");
  open_mpi["OMPI_COMM_WORLD_LOCAL_SIZE"] = "1";
  CHECK_THROWS_WITH(find(open_mpi), ContainsSubstring("MASTER_ADDR must name the host of rank 0"));
  open_mpi["MASTER_ADDR"] = "head";
  CHECK(find(open_mpi)->address == "head");
  // Hydra's helpers may be a Slurm step of their own: one for each host.
  const auto hydra = find({{"PMI_RANK", "1"},
                           {"PMI_SIZE", "4"},
                           {"MPI_LOCALRANKID", "1"},
                           {"MPI_LOCALNRANKS", "4"},
                           {"SLURM_STEP_ID", "0"},
                           {"SLURM_PROCID", "0"},
                           {"SLURM_STEP_NUM_TASKS", "1"}});
  REQUIRE(hydra);
  CHECK(hydra->world_size == 4);
}

TEST_CASE("a wrong variable is named") {
  const Variables good{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "29500"}};
  const auto with = [&](const std::string& name, const std::string& value) {
    Variables variables = good;
    variables[name] = value;
    return variables;
  };
  CHECK_NOTHROW(find(good));
  CHECK_THROWS_WITH(find(with("RANK", "one")), ContainsSubstring("RANK must be a number"));
  CHECK_THROWS_WITH(find(with("RANK", "2")), ContainsSubstring("below the number of processes"));
  CHECK_THROWS_WITH(find({{"RANK", "0"}, {"WORLD_SIZE", "0"}}),
                    ContainsSubstring("below the number of processes, got 0 of 0"));
  CHECK_THROWS_WITH(find(with("MASTER_PORT", "70000")), ContainsSubstring("from 1 to 65535"));
  CHECK_THROWS_WITH(find({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), ContainsSubstring("MASTER_PORT"));
}

TEST_CASE("the first host of a Slurm list is found") {
  CHECK(first_host("n1") == "n1");
  CHECK(first_host("n1,n2") == "n1");
  CHECK(first_host("n[07-09,12],x") == "n07");
  CHECK(first_host("n[3,5]") == "n3");
  CHECK(first_host("a,n[3,5]") == "a");
  CHECK(first_host("r[1-2]n[0-3]") == "r1n0");
  CHECK(first_host("rack[2,4]node[07-09]-ib,x") == "rack2node07-ib");
  CHECK(first_host("n[3]-[5-6],m[1-2]") == "n3-5");
}

TEST_CASE("a Slurm list that is none is refused, unless another address is given") {
  for (const char* list : {"", ",a", "n[1-2", "n[]", "n[-2]", "n1]", "n[[1]]", "n[1][", "[,]"}) {
    INFO(list);
    CHECK_THROWS_WITH(first_host(list), ContainsSubstring("a Slurm host list must be names"));
    Variables step{{"SLURM_STEP_ID", "0"},
                   {"SLURM_PROCID", "0"},
                   {"SLURM_LOCALID", "0"},
                   {"SLURM_STEP_NUM_TASKS", "2"},
                   {"SLURM_STEP_NODELIST", list}};
    CHECK_THROWS_WITH(find(step), ContainsSubstring("MASTER_ADDR names the first host instead"));
    step["MASTER_ADDR"] = "n1";
    CHECK(find(step)->address == "n1");
  }
}

}  // namespace
}  // namespace longspan
