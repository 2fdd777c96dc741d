// A rank that never comes to the start ends the job, by name, and nobody waits for ever.
import Foundation
import TestSupport
import Testing

extension CommandTests {
    @Suite(.serialized, .enabled(if: Launch.mpirun != nil, needsLauncher))
    struct StartTests {
        /// A rank, and what it does before it becomes graft.
        private func start(_ rank: Int, _ deed: String, patience: Int = 3) throws -> Launch {
            let work = try Workplace(images: 2)
            try work.write("#!/bin/bash\n[ $OMPI_COMM_WORLD_RANK != \(rank) ] || \(deed)\nexec \"$@\"\n", to: "rank.sh")
            // mpirun's own arguments are the first five.
            try work.write(
                "#!/bin/bash\nexec \(try #require(Launch.mpirun)) \"${@:1:5}\" \(work.path("rank.sh")) \"${@:6}\"\n",
                to: "mpirun.sh")
            for script in ["rank.sh", "mpirun.sh"] {
                try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: work.path(script))
            }
            return try work.start(
                "late", ["communication.patience=\(patience)"], ranks: 3, launcher: work.path("mpirun.sh")
            ).end()
        }

        @Test func aRankThatIsNotStartedIsNamed() throws {
            let launch = try start(2, "sleep 60")
            #expect(launch.status == 75, "\(launch.errors)")
            #expect(
                launch.errors.contains(
                    /gave up after 3 s, before the first step: on host \S+ rank 2 never came \(process \d+ is still sleep\); see/),
                "\(launch.errors)")
            #expect(launch.errors.ranges(of: "gave up after").count == 1, "\(launch.errors)")
            #expect(launch.seconds < 20)
        }

        /// The first rank too: whoever is there speaks.
        @Test func aStoppedRankIsNamed() throws {
            let launch = try start(0, "kill -STOP $$")
            #expect(launch.status == 75, "\(launch.errors)")
            #expect(launch.errors.contains(/rank 0 never came \(process \d+ is stopped\)/), "\(launch.errors)")
            #expect(launch.seconds < 20)
        }

        @Test func aRankThatComesInTimeIsWaitedFor() throws {
            let launch = try start(1, "sleep 1", patience: 60)
            #expect(launch.status == 0, "\(launch.errors)")
            #expect(!launch.errors.contains("gave up"))
        }
    }
}
