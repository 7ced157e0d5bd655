import EVSSMModel
import ExecutionPlan
import Foundation
import GraphCompiler
import Imaging
import PictureQuality
import PlanRuntime
import TestSupport
import Tensors
import Testing

@Suite("The example in the README")
struct LibraryExampleTests {
  /// What the README shows, line by line.
  // README: begin
  func restore(plan planPath: String, input: String, output: String) throws {
    let plan = try PlanFile.open(path: planPath)
    let picture = try Picture.read(path: input)
    let workers = try Workers(threads: Workers.processorCount)
    let session = try PlanSession(plan: plan, height: picture.height, width: picture.width, workers: workers)
    let planes = try session.run(picture.planes())
    try Picture(planes: planes, width: picture.width, height: picture.height).write(to: output)
  }
  // README: end

  @Test("is this code")
  func isInReadme() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
    let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let begin = try #require(lines.firstIndex { $0.hasSuffix("// README: begin") })
    let end = try #require(lines.firstIndex { $0.hasSuffix("// README: end") })
    let example = lines[(begin + 1)..<end].map { $0.hasPrefix("  ") ? String($0.dropFirst(2)) : $0 }
    #expect(readme.contains(example.joined(separator: "\n")))
  }

  @Test("restores a picture")
  func runs() throws {
    let directory = try TemporaryDirectory()
    let golden = try #require(Golden.small.first { $0.name == "small-20x24" })
    let plan = directory.path("a.plan")
    try PlanFile.write(golden.loadedPlan(), to: plan)
    let input = Fixtures.path("goldens/\(golden.name)/input.png")
    try restore(plan: plan, input: input, output: directory.path("out.png"))
    let found = try Picture.read(path: directory.path("out.png"))
    #expect(try PictureDifference(found, golden.outputPicture()).maximum <= 1)
  }
}
