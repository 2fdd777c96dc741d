// Open MPI's handles are macros that cast addresses, which Swift cannot import: one inline function for each that is used.
#pragma once
#include <mpi.h>

static inline MPI_Comm graft_mpi_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Comm graft_mpi_comm_null(void) { return MPI_COMM_NULL; }
static inline MPI_Datatype graft_mpi_byte(void) { return MPI_BYTE; }
static inline MPI_Datatype graft_mpi_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype graft_mpi_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype graft_mpi_int32(void) { return MPI_INT32_T; }
static inline MPI_Op graft_mpi_sum(void) { return MPI_SUM; }
static inline MPI_Info graft_mpi_info_null(void) { return MPI_INFO_NULL; }
static inline void *graft_mpi_in_place(void) { return MPI_IN_PLACE; }
static inline MPI_Request graft_mpi_request_null(void) { return MPI_REQUEST_NULL; }
static inline int graft_mpi_set_errors_return(MPI_Comm communicator) { return MPI_Comm_set_errhandler(communicator, MPI_ERRORS_RETURN); }
static inline int graft_mpi_undefined(void) { return MPI_UNDEFINED; }
