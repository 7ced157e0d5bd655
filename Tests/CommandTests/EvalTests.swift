import Foundation
import Imaging
import PictureQuality
import TestSupport
import Tensors
import Testing

@Suite("evssm eval")
struct EvalTests {
  /// A folder with pairs of seeded pictures; the input is the target, darker.
  private func makePairs(
    _ directory: TemporaryDirectory, _ names: [String], targets: [String]? = nil
  ) throws -> String {
    for part in ["input", "target"] {
      let folder = directory.path("data/\(part)")
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    for (index, name) in names.enumerated() {
      let sharp = SeededWeights.picture(height: 24, width: 28, seed: UInt64(index))
      let target = targets?[index] ?? name
      try Picture(planes: sharp, width: 28, height: 24).write(to: directory.path("data/target/\(target)"))
      try Picture(planes: sharp.map { $0 * 0.9 }, width: 28, height: 24).write(to: directory.path("data/input/\(name)"))
    }
    return directory.path("data")
  }

  @Test("measures each pair as the library does, and their means")
  func figures() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let data = try makePairs(directory, ["a.png", "b.png", "c.png"])
    let arguments = ["eval", plan, "--data", data, "--json", "-o", directory.path("restored")]
    let outcome = try CommandLineTool.run(arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let json = try outcome.json()
    #expect(json["pictures"] as? Int == 3 && json["failed"] as? Int == 0)
    let results = try #require(json["results"] as? [[String: Any]])
    #expect(results.map { $0["name"] as? String } == ["a", "b", "c"])
    var sum = 0.0
    for result in results {
      let name = try #require(result["name"] as? String)
      let target = try Picture.read(path: "\(data)/target/\(name).png")
      let restored = try PictureQuality(Picture.read(path: directory.path("restored/\(name).png")), target: target)
      let blurred = try PictureQuality(Picture.read(path: "\(data)/input/\(name).png"), target: target)
      let expected = [
        "psnr": restored.psnr, "ssim": restored.ssim, "input_psnr": blurred.psnr, "input_ssim": blurred.ssim,
      ]
      for (key, value) in expected {
        // The last digit is lost in decimal.
        #expect(abs(try #require(result[key] as? Double) - value) <= 1e-14 * abs(value), "\(key)")
      }
      sum += restored.psnr
    }
    let mean = try #require((json["mean"] as? [String: Any])?["psnr"] as? Double)
    #expect(abs(mean - sum / 3) < 1e-9)
  }

  @Test("prints a table that ends with the means")
  func table() throws {
    let directory = try TemporaryDirectory()
    let data = try makePairs(directory, ["a.png", "b.png", "c.png"])
    let outcome = try CommandLineTool.run(["eval", SmallModel.plan(in: directory), "--data", data, "--limit", "2"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines.first?.hasPrefix("picture") == true && lines.last?.hasPrefix("mean of 2") == true)
    #expect(lines[1].contains("28x24"))
  }

  @Test("writes a page that needs nothing else")
  func page() throws {
    let directory = try TemporaryDirectory()
    let page = directory.path("page.html")
    let names = ["a.png", "b<i>.png", "c.png", "d.png"]
    let outcome = try CommandLineTool.run(
      [
        "eval", SmallModel.plan(in: directory), "--data", makePairs(directory, names), "--report", page,
        "--report-pictures", "3",
      ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(html.components(separatedBy: "src=\"data:image/jpeg;base64,").count - 1 == 3 * 4)
    #expect(!html.contains("http:") && !html.contains("https:"))
    #expect(html.contains("b&lt;i&gt;") && !html.contains("b<i>"))
    #expect(html.components(separatedBy: "<tr>").count - 1 == 5)
  }

  @Test("pairs by order when no names are the same, and finds a folder test/")
  func pairing() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let folder = try makePairs(directory, ["blur_2.png", "blur_10.png"], targets: ["gt_2.png", "gt_10.png"])
    try FileManager.default.createDirectory(atPath: directory.path("set"), withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: folder, toPath: directory.path("set/test"))
    let outcome = try CommandLineTool.run(["eval", plan, "--data", directory.path("set"), "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("paired in their order"))
    let results = try #require(try outcome.json()["results"] as? [[String: Any]])
    #expect(results.map { $0["name"] as? String } == ["blur_2", "blur_10"])
    // Darkened by a tenth: so close to its target only if it is its own.
    #expect(results.allSatisfy { ($0["input_psnr"] as? Double ?? 0) > 20 })
  }

  @Test("goes on after a pair that cannot be measured, and ends with 65")
  func failures() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let data = try makePairs(directory, ["a.png", "b.png", "c.png"])
    try Picture(width: 30, height: 24, rgb: [UInt8](repeating: 1, count: 3 * 30 * 24)).write(to: "\(data)/target/a.png")
    try Data("none".utf8).write(to: URL(fileURLWithPath: "\(data)/input/b.png"))
    let outcome = try CommandLineTool.run(["eval", plan, "--data", data, "--json"])
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("[picture.size-mismatch]") && outcome.errors.contains("1 measured, 2 not"))
    let json = try outcome.json()
    #expect(json["pictures"] as? Int == 1 && json["failed"] as? Int == 2)
  }

  @Test("refuses folders that are laid out otherwise")
  func layouts() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let empty = try CommandLineTool.run(["eval", plan, "--data", directory.path("none")])
    #expect(empty.status == 66 && empty.errors.contains("[eval.layout]"))
    let data = try makePairs(directory, ["a.png", "b.png"], targets: ["a.png", "x.png"])
    let unpaired = try CommandLineTool.run(["eval", plan, "--data", data])
    #expect(unpaired.status == 65 && unpaired.errors.contains("[eval.unpaired]"))
    let over = try CommandLineTool.run(["eval", plan, "--data", data, "--limit", "0"])
    #expect(over.status == 64)
  }

  @Test("aligns before it measures when asked to")
  func alignment() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let data = try makePairs(directory, ["a.png"])
    let outcome = try CommandLineTool.run(["eval", plan, "--data", data, "--align", "--json"])
    let json = try outcome.json()
    #expect(json["alignment"] as? String == "homography")
    if outcome.status == 0 {
      let result = try #require((json["results"] as? [[String: Any]])?.first)
      // Scaled to the target's intensity, the darker picture is the target.
      #expect(result["input_psnr"] as? Double ?? 0 > 40)
    } else {
      #expect(outcome.errors.contains("[picture.no-alignment]"))
    }
  }
}
