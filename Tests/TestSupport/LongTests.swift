// What is left to the longer mode of the tests.
import Foundation

/// Whether `deploy/test.sh --long` runs: more cases of the same.
package let testsAreLong = ProcessInfo.processInfo.environment["GRAFT_LONG_TESTS"] != nil
