import ExecutionPlan
import Foundation
import Imaging
import NumpyFormat
import PictureQuality
import TestSupport
import Tensors
import Testing

@testable import PictureRestoration

/// `run` within a budget of memory, and several pictures at once.
@Suite("evssm run, memory and jobs")
struct RunBudgetTests {
  /// A smooth picture with noise, as a file.
  private func picture(_ path: String, width: Int, height: Int) throws -> String {
    var planes = SeededWeights.picture(height: height, width: width, seed: 9)
    for index in planes.indices {
      let (x, y) = (index % width, index / width % height)
      planes[index] = 0.4 + 0.2 * sin(Float(x) / 23) * cos(Float(y) / 31) + 0.1 * planes[index]
    }
    if path.hasSuffix(".npy") {
      try NumpyFile.write(Tensor(shape: [3, height, width], floats: planes), to: path)
    } else {
      try Picture(planes: planes, width: width, height: height).write(to: path)
    }
    return path
  }

  private func run(_ arguments: [String]) throws -> [String: Any] {
    let threads = arguments.contains("--threads") ? [] : ["--threads", "1"]
    let outcome = try CommandLineTool.run(["run"] + arguments + ["--json"] + threads)
    try #require(outcome.status == 0, "\(outcome.errors)")
    return try outcome.json()
  }

  private func results(_ json: [String: Any]) throws -> [[String: Any]] {
    try #require(json["results"] as? [[String: Any]])
  }

  /// The least budget that the tool says would do, in mebibytes.
  private func least(_ errors: String) throws -> Int {
    let found = try #require(errors.firstMatch(of: /; (\d+)M is the least/), "\(errors)")
    return try #require(Int(found.1))
  }

  @Test("a budget that is too small is refused with the least that would do, which does")
  func impossible() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let input = try picture(directory.path("in.png"), width: 600, height: 500)
    let output = directory.path("out.png")
    let refused = try CommandLineTool.run(["run", plan, input, "-o", output, "--max-memory", "20M"])
    #expect(refused.status == 64)
    #expect(refused.errors.contains("[run.max-memory, limit max_memory]"))
    #expect(!FileManager.default.fileExists(atPath: output))
    let least = try least(refused.errors)
    let json = try run([plan, input, "-o", output, "--max-memory", "\(least)M"])
    #expect(try results(json)[0]["tiles"] is [String: Any])
    #expect(try #require(json["peak_rss_bytes"] as? Int) <= least << 20)
    #expect(try CommandLineTool.run(["run", plan, input, "-o", output, "--max-memory", "\(least - 2)M"]).status == 64)
  }

  @Test(
    "peak memory stays within the budget, whatever is read and written",
    arguments: [("png", "png"), ("jpg", "npy"), ("npy", "jpg")])
  func peak(_ input: String, _ output: String) throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let source = try picture(directory.path("in.\(input)"), width: 1100, height: 900)
    let target = directory.path("out.\(output)")
    let refused = try CommandLineTool.run(["run", plan, source, "-o", target, "--max-memory", "1K"])
    let least = try least(refused.errors)
    for budget in [least, least + 30] {
      let json = try run([plan, source, "-o", target, "--max-memory", "\(budget)M"])
      #expect(try results(json)[0]["tiles"] is [String: Any])
      #expect(try #require(json["peak_rss_bytes"] as? Int) <= budget << 20)
    }
  }

  @Test(
    "a picture in one piece stays within what is reckoned for it, and needs no planes from 8 bits to 8 bits",
    arguments: [("png", "png"), ("jpg", "png"), ("png", "jpg"), ("png", "npy"), ("npy", "png")])
  func whole(_ input: String, _ output: String) throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let (width, height) = (1101, 902)
    let source = try picture(directory.path("in.\(input)"), width: width, height: height)
    let target = directory.path("out.\(output)")
    let item = RestorationItem(input: source, output: target)
    let planes = 3 * width * height * MemoryLayout<Float>.stride
    #expect(item.needsPlanes == (output == "npy"))
    #expect((try PictureMemory(item).whole < planes) == (input != "npy" && output != "npy"))
    let most = MemoryBudget(total: MemorySize(byteCount: 8 << 30), plan: try PlanFile.open(path: plan), threads: 1)
    let budget = try most.shared + most.choice(for: item).byteCount
    let json = try run([plan, source, "-o", target, "--max-memory", "\(budget)"])
    #expect(try results(json)[0]["tiles"] is NSNull)
    #expect(try #require(json["peak_rss_bytes"] as? Int) <= budget)
    let tiled = try run([plan, source, "-o", target, "--max-memory", "\(budget - 1)"])
    #expect(try results(tiled)[0]["tiles"] is [String: Any])
  }

  @Test("a picture that fits gives the bits of a run without a budget; in tiles it differs little")
  func differences() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let input = try picture(directory.path("in.npy"), width: 600, height: 420)
    func output(_ options: String...) throws -> [Float] {
      let path = directory.path("out.npy")
      _ = try run([plan, input, "-o", path] + options)
      return try NumpyFile.read(path: path).floats()
    }
    let whole = try output()
    #expect(try output("--max-memory", "2G") == whole)
    let refused = try CommandLineTool.run(["run", plan, input, "-o", directory.path("out.npy"), "--max-memory", "1K"])
    let budget = "\(try least(refused.errors))M"
    let tiled = try output("--max-memory", budget, "--threads", "1")
    let difference = try PictureDifference(tiled, whole)
    #expect(difference.maximum > 0 && difference.psnr > 45)
    #expect(try output("--max-memory", budget, "--threads", "3") == tiled)
  }

  @Test("results, messages and errors of a folder are the same, in the same order, for any number of jobs")
  func jobs() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let folder = directory.path("in")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let pictures = [
      ("a.png", 180, 160), ("b.npy", 24, 20), ("d.jpg", 50, 64), ("e.png", 500, 400), ("f.png", 24, 24),
    ]
    for (name, width, height) in pictures {
      _ = try picture(directory.path("in/" + name), width: width, height: height)
    }
    _ = try directory.file("in/c.png", Array("no picture".utf8))
    _ = try picture(directory.path("in/g.png"), width: 19, height: 40)
    func outcome(_ options: [String]) throws -> (messages: [String], files: [[UInt8]], json: [String: Any]) {
      let out = directory.path("out")
      try? FileManager.default.removeItem(atPath: out)
      let outcome = try CommandLineTool.run(["run", plan, folder, "-o", out, "--json"] + options)
      #expect(outcome.status == 65)
      let names = try FileManager.default.contentsOfDirectory(atPath: out).sorted()
      let messages = outcome.errors.split(separator: "\n").map { String($0.replacing(#/ in [0-9.]+ s$/#, with: "")) }
      return (messages, try names.map { try bytes(ofFile: out + "/" + $0) }, try outcome.json())
    }
    let refused = try CommandLineTool.run(
      ["run", plan, directory.path("in/e.png"), "-o", directory.path("x.png"), "--max-memory", "1K"])
    // Enough for the large picture in tiles, alone, whatever the number of jobs.
    let budget = ["--max-memory", "\(try least(refused.errors) + 12)M"]
    for options in [[], budget] {
      let one = try outcome(options + ["--threads", "1"])
      #expect(one.files.count == 5)
      for jobs in ["2", "3", "20"] {
        let several = try outcome(options + ["--jobs", jobs, "--threads", "3"])
        #expect(several.messages == one.messages)
        #expect(several.files == one.files)
        let inputs = try results(several.json).map { $0["input"] as? String }
        #expect(try inputs == results(one.json).map { $0["input"] as? String })
        #expect(several.json["jobs"] as? Int == min(Int(jobs) ?? 0, 7))
      }
    }
  }

  @Test("jobs share a budget")
  func sharedBudget() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let folder = directory.path("in")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (index, side) in [300, 500, 120, 420, 260, 300].enumerated() {
      _ = try picture(directory.path("in/\(index).png"), width: side, height: 300)
    }
    let json = try run(
      [plan, folder, "-o", directory.path("out"), "--max-memory", "110M", "--jobs", "3", "--threads", "3"])
    #expect(json["restored"] as? Int == 6)
    #expect(try #require(json["peak_rss_bytes"] as? Int) <= 110 << 20)
  }

  @Test("amounts of memory have binary units")
  func amounts() {
    #expect(MemorySize(argument: "1G")?.byteCount == 1 << 30)
    #expect(MemorySize(argument: "1.5GiB")?.byteCount == 3 << 29)
    #expect(MemorySize(argument: "600mb")?.byteCount == 600 << 20)
    #expect(MemorySize(argument: "4096")?.byteCount == 4096)
    for text in ["", "G", "-1G", "1X", "1.G", "0", "1e9", "inf", "9999999999T", "1 G"] {
      #expect(MemorySize(argument: text) == nil, "\(text)")
    }
    #expect(MemorySize(byteCount: (5 << 20) + 1).description == "6M")
  }
}
