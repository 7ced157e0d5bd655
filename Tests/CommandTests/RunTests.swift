import Foundation
import Imaging
import NumpyFormat
import TestSupport
import Tensors
import Testing

@Suite("evssm run")
struct RunTests {
  /// A seeded picture as a file.
  private func picture(_ directory: TemporaryDirectory, _ name: String, width: Int, height: Int) throws -> String {
    let path = directory.path(name)
    let planes = SeededWeights.picture(height: height, width: width, seed: 5)
    if name.hasSuffix(".npy") {
      try NumpyFile.write(Tensor(shape: [3, height, width], floats: planes), to: path)
    } else {
      try Picture(planes: planes, width: width, height: height).write(to: path)
    }
    return path
  }

  @Test("restores a picture of any size to the formats that names ask for", arguments: ["png", "jpg", "npy"])
  func formats(_ format: String) throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let input = try picture(directory, "in.\(format)", width: 33, height: 22)
    for output in ["out.png", "out.jpeg", "out.npy"] {
      let path = directory.path(output)
      let outcome = try CommandLineTool.run(["run", plan, input, "-o", path])
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.isEmpty)
      if output.hasSuffix(".npy") {
        #expect(try NumpyFile.read(path: path).shape == [3, 22, 33])
      } else {
        let picture = try Picture.read(path: path)
        #expect(picture.width == 33 && picture.height == 22)
      }
    }
  }

  @Test(
    "gives the rounded values, and keeps opacity, for pictures of 8 bits", arguments: [(33, 22), (64, 41), (20, 77)])
  func roundedValues(width: Int, height: Int) throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let input = directory.path("in.png")
    let planes = SeededWeights.picture(height: height, width: width, seed: 6)
    let alpha = (0..<width * height).map { UInt8($0 % 251) }
    try Picture(planes: planes, width: width, height: height, alpha: alpha).write(to: input)
    for threads in ["1", "2"] {
      for output in ["out.png", "out.npy"] {
        let outcome = try CommandLineTool.run(["run", plan, input, "-o", directory.path(output), "--threads", threads])
        #expect(outcome.status == 0, "\(outcome.errors)")
      }
      let values = try NumpyFile.read(path: directory.path("out.npy")).floats()
      let expected = try Picture(planes: values, width: width, height: height, alpha: alpha)
      #expect(try Picture.read(path: directory.path("out.png")) == expected)
    }
  }

  @Test("gives the same bytes for any number of threads")
  func threads() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory, options: ["--size", "40x24"])
    let input = try picture(directory, "in.npy", width: 40, height: 24)
    let results = try [1, 2, 3].map { threads in
      let path = directory.path("\(threads).npy")
      let outcome = try CommandLineTool.run(["run", plan, input, "-o", path, "--threads", "\(threads)"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      return try bytes(ofFile: path)
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }

  @Test("goes on after a bad file in a folder, says so, and ends with 65")
  func folder() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let folder = directory.path("pictures")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    _ = try picture(directory, "pictures/a.png", width: 24, height: 20)
    _ = try directory.file("pictures/b.png", Array("no picture".utf8))
    _ = try picture(directory, "pictures/c.npy", width: 28, height: 20)
    _ = try picture(directory, "pictures/small.png", width: 19, height: 64)
    _ = try directory.file("pictures/notes.txt", [])
    let out = directory.path("deep/restored")
    let outcome = try CommandLineTool.run(["run", plan, folder, "-o", out, "--json"])
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("2 pictures restored, 2 not"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: out).sorted() == ["a.png", "c.npy"])
    let json = try outcome.json()
    #expect(json["restored"] as? Int == 2)
    #expect(json["failed"] as? Int == 2)
    let results = try #require(json["results"] as? [[String: Any]])
    #expect(results.count == 4)
    #expect(results.map { $0["error"] is NSNull } == [true, false, true, false])
    let small = try #require(results.last?["error"] as? [String: Any])
    #expect(small["code"] as? String == "picture.too-small")
    #expect((small["message"] as? String)?.contains("below 20") == true)
  }

  @Test("keeps the opacity of a picture")
  func alpha() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let alpha = (0..<24 * 20).map { UInt8($0 % 256) }
    let planes = SeededWeights.picture(height: 20, width: 24, seed: 5)
    try Picture(planes: planes, width: 24, height: 20, alpha: alpha).write(to: directory.path("in.png"))
    let outcome = try CommandLineTool.run(["run", plan, directory.path("in.png"), "-o", directory.path("out.png")])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try Picture.read(path: directory.path("out.png")).alpha == alpha)
  }

  @Test("refuses outputs that cannot be before anything is run")
  func outputs() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let input = try picture(directory, "a.png", width: 24, height: 20)
    try FileManager.default.createDirectory(atPath: directory.path("b"), withIntermediateDirectories: true)
    let same = try picture(directory, "b/a.png", width: 24, height: 20)
    let before = try bytes(ofFile: input)
    let cases: [([String], String)] = [
      ([input, "-o", input], "output.is-input"), ([input, "-o", directory.path], "output.is-input"),
      ([input, same, "-o", directory.path("out")], "run.same-name"), ([input, same, "-o", plan], "run.output"),
      ([input, "-o", directory.path("out.txt")], "run.output"),
    ]
    for (arguments, code) in cases {
      let outcome = try CommandLineTool.run(["run", plan] + arguments)
      #expect(outcome.status == 64, "\(arguments): \(outcome.errors)")
      #expect(outcome.errors.contains("[\(code)]"))
    }
    #expect(try bytes(ofFile: input) == before)
    #expect(!FileManager.default.fileExists(atPath: directory.path("out")))
  }

  @Test("refuses arrays that are no pictures")
  func arrays() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let path = directory.path("in.npy")
    try NumpyFile.write(Tensor(shape: [1, 24, 24], floats: [Float](repeating: 0, count: 576)), to: path)
    let outcome = try CommandLineTool.run(["run", plan, path, "-o", directory.path("out.npy")])
    #expect(outcome.status == 65)
    #expect(outcome.errors.contains("[run.shape]"))
    #expect(try !directory.contents().contains("out.npy"))
  }

  @Test("writes input and result side by side, for one picture and for several")
  func comparisons() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let one = try picture(directory, "one.png", width: 40, height: 24)
    let two = try picture(directory, "two.npy", width: 28, height: 20)
    let single = ["run", plan, one, "-o", directory.path("out.png"), "--compare", directory.path("both.jpg")]
    #expect(try CommandLineTool.run(single).status == 0)
    let both = try Picture.read(path: directory.path("both.jpg"))
    #expect(both.width > 80 && both.height == 24)
    let several = ["run", plan, one, two, "-o", directory.path("out"), "--compare", directory.path("both")]
    #expect(try CommandLineTool.run(several).status == 0)
    let pair = try Picture.read(path: directory.path("both/one.png"))
    let left = (0..<24).flatMap { row in pair.rgb[3 * pair.width * row..<3 * (pair.width * row + 40)] }
    #expect(try left == Picture.read(path: one).rgb)
    #expect(try Picture.read(path: directory.path("both/two.npy.png")).height == 20)
  }

  @Test("refuses comparisons that cannot be")
  func refusedComparisons() throws {
    let directory = try TemporaryDirectory()
    let plan = try SmallModel.plan(in: directory)
    let input = try picture(directory, "a.png", width: 24, height: 20)
    let out = directory.path("out.png")
    let cases = [(input, "output.is-input"), (directory.path("both.npy"), "run.output"), (out, "run.same-name")]
    for (path, code) in cases {
      let outcome = try CommandLineTool.run(["run", plan, input, "-o", out, "--compare", path])
      #expect(outcome.status == 64, "\(path): \(outcome.errors)")
      #expect(outcome.errors.contains("[\(code)]"))
    }
  }
}
